"""Reality checks of a night or an exposure, from what the steps measured and decided."""

from __future__ import annotations

from seechange_core.store.night_checks.drift import Drift
from seechange_core.store.night_checks.night import Night
from seechange_core.store.night_checks.quantities import QUANTITIES, Quantity
from seechange_core.store.night_checks.section_check import SectionCheck
from seechange_core.store.night_checks.summary import NightChecks, check_exposure, check_night
from seechange_core.store.night_checks.unusual import Unusual

__all__ = [
    "QUANTITIES",
    "Drift",
    "Night",
    "NightChecks",
    "Quantity",
    "SectionCheck",
    "Unusual",
    "check_exposure",
    "check_night",
]
