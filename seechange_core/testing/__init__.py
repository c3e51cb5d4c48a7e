"""What people who write plugins test them with; each name is imported when it is asked for.

Subclass the class of the kind in the plugin's tests::

    from seechange_core.testing import SubtractorConformance

    class TestMine(SubtractorConformance):
        component = MySubtractor

``pytest --seechange-conformance`` tests all that is installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seechange_core.testing.conformance.calibrators.astrometry import AstrometryConformance
    from seechange_core.testing.conformance.calibrators.background import BackgroundConformance
    from seechange_core.testing.conformance.calibrators.detrender import DetrenderConformance
    from seechange_core.testing.conformance.calibrators.photometry import PhotometryConformance
    from seechange_core.testing.conformance.calibrators.psf import PsfConformance
    from seechange_core.testing.conformance.catalog import StarCatalogConformance
    from seechange_core.testing.conformance.instrument import InstrumentConformance
    from seechange_core.testing.conformance.scorer import ScorerConformance
    from seechange_core.testing.conformance.subtractor import SubtractorConformance

_HOMES = {
    "AstrometryConformance": "calibrators.astrometry",
    "BackgroundConformance": "calibrators.background",
    "DetrenderConformance": "calibrators.detrender",
    "InstrumentConformance": "instrument",
    "PhotometryConformance": "calibrators.photometry",
    "PsfConformance": "calibrators.psf",
    "ScorerConformance": "scorer",
    "StarCatalogConformance": "catalog",
    "SubtractorConformance": "subtractor",
}

__all__ = [
    "AstrometryConformance",
    "BackgroundConformance",
    "DetrenderConformance",
    "InstrumentConformance",
    "PhotometryConformance",
    "PsfConformance",
    "ScorerConformance",
    "StarCatalogConformance",
    "SubtractorConformance",
]


def __getattr__(name: str) -> Any:
    """Import a class of tests: pytest loads this package at every start, and they load all numerics."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.conformance.{_HOMES[name]}"), name)
