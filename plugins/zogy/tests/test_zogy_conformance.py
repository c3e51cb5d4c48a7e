"""What every subtraction algorithm has to pass."""

from __future__ import annotations

from seechange_core.testing import SubtractorConformance
from seechange_zogy import Zogy


class TestZogy(SubtractorConformance):
    component = Zogy
