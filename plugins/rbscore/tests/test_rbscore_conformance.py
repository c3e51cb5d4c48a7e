"""What every scorer has to pass."""

from __future__ import annotations

from seechange_core.testing import ScorerConformance
from seechange_rbscore import RealBogus


class TestRealBogus(ScorerConformance):
    component = RealBogus
    min_area = 0.9
