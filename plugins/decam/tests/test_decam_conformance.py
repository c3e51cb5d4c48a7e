"""What every camera has to pass."""

from __future__ import annotations

from seechange_core.testing import InstrumentConformance
from seechange_decam import Decam


class TestDecam(InstrumentConformance):
    component = Decam
    simulation = {"sections": ("N4",)}
