"""What every camera has to pass."""

from __future__ import annotations

from seechange_core.testing import InstrumentConformance
from seechange_ls4 import Ls4


class TestLs4(InstrumentConformance):
    component = Ls4
    simulation = {"sections": ("NE_A",)}
