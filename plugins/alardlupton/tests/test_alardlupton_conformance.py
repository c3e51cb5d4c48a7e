"""What every subtraction algorithm has to pass."""

from __future__ import annotations

from seechange_alardlupton import AlardLupton
from seechange_core.testing import SubtractorConformance


class TestAlardLupton(SubtractorConformance):
    component = AlardLupton
