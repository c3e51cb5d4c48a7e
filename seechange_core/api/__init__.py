"""Everything that a plugin author needs: base classes by kind, parameters, errors, the hook marker."""

from __future__ import annotations

import pluggy

from seechange_core.api.calibrator import (
    AstrometrySolver,
    BackgroundEstimator,
    Calibrator,
    Detrender,
    PhotometrySolver,
    PsfEstimator,
)
from seechange_core.api.catalog import CatalogRegion, StarCatalog
from seechange_core.api.component import API_VERSION, Component, NoParams
from seechange_core.api.instrument import (
    ExposureHeader,
    FilterTransformation,
    Instrument,
    SectionGeometry,
    Site,
)
from seechange_core.api.scorer import Scorer
from seechange_core.api.subtractor import FilteringParams, Subtractor
from seechange_core.deprecation import Renamed, deprecated_names
from seechange_core.errors import InputError, MissingInput, Rejected
from seechange_core.params import Params, parameter

#: Old names that still work, with a warning.
RENAMED: dict[str, Renamed] = {}
__getattr__ = deprecated_names(__name__, RENAMED)

hookimpl = pluggy.HookimplMarker("seechange")

__all__ = [
    "API_VERSION",
    "AstrometrySolver",
    "BackgroundEstimator",
    "Calibrator",
    "CatalogRegion",
    "Component",
    "Detrender",
    "ExposureHeader",
    "FilterTransformation",
    "FilteringParams",
    "InputError",
    "Instrument",
    "MissingInput",
    "NoParams",
    "Params",
    "PhotometrySolver",
    "PsfEstimator",
    "Rejected",
    "Scorer",
    "SectionGeometry",
    "Site",
    "StarCatalog",
    "Subtractor",
    "hookimpl",
    "parameter",
]
