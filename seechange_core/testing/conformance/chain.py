"""A camera's own simulated exposure through the chain in memory, with the camera's own profile."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table

from seechange_core.api import Component, Instrument, hookimpl
from seechange_core.frames import CalibrationFrame, ColumnTable
from seechange_core.imaging.astrometry.proper_motion import at_epoch
from seechange_core.pipeline import exposure_plan, process_schemas
from seechange_core.profile import load_profile
from seechange_core.registry import ENTRY_POINT_GROUP, REGISTERING_HOOKS, Registry
from seechange_core.steps.step import CalibrationRequest, CatalogRequest, StepContext
from seechange_core.testing.conformance.simulated_exposure import SimulatedExposure

_CATALOG_ERROR_MAS = 0.5
_BANDS = ("g", "r", "i", "z")
#: Calibration frames that change nothing, by kind.
_NEUTRAL = {"bias": 0.0, "dark": 0.0, "flat": 1.0, "illumination": 1.0}


def registry_with(component: type[Component]) -> Registry:
    """Return what is installed, with a class in the place of the one of its name."""
    registry = Registry()
    kind, stage = component.kind, str(getattr(component, "stage", ""))
    if registry.components(kind, stage).get(component.name) is component:
        return registry
    displaced = {one.key for one in registry.plugins if component.name in one.components.get(kind, [])}
    entry_points = [
        one
        for one in metadata.entry_points(group=ENTRY_POINT_GROUP)
        if f"{one.dist.name if one.dist else 'unknown'}:{one.name}" not in displaced
    ]

    class Plugin:
        pass

    def register(self: Any) -> list[type[Component]]:
        return [component]

    register.__name__ = REGISTERING_HOOKS[kind]
    setattr(Plugin, register.__name__, hookimpl(register))
    registry = Registry(entry_points)
    registry.add(Plugin(), package="tests")
    return registry


def calibrated_section(camera: type[Instrument], exposure: SimulatedExposure, section: str) -> dict[str, Any]:
    """Take a section from its raw pixels to a zero point.

    Calibration frames that change nothing stand in for the camera's; corrections by tables are left out. The
    catalogue holds the true stars.

    Returns
    -------
    dict
        Products by role: ``image``, ``sources``, ``psf``, ``mapping``, ``photometry`` ...
    """
    registry = registry_with(camera)
    catalog = exposure.path.with_name("stars.fits")
    processes = ("astrocal.catalog", "photocal.catalog")
    assignments = [f"{one}.use=file" for one in processes] + [
        f"{one}.file.path={catalog}" for one in processes
    ]
    profile = load_profile(
        registry, process_schemas(), instrument=camera.name, assignments=assignments, environment={}
    )
    instrument = profile.instrument()
    files = instrument.files_of(exposure.path)
    made: dict[str, Any] = {"section": instrument.read(files, section)}
    _write_catalog(catalog, exposure.truth, str(made["section"].info["filter"]))
    shape = camera.sections[section].shape
    for planned in exposure_plan(profile).through("photocal"):
        inputs = {role: made[role] for role in planned.step.inputs or ("section",)}
        context = StepContext(planned.components, instrument)
        for request in planned.step.requests(inputs, planned.params, context):
            if isinstance(request, CatalogRequest):
                stars = planned.components[request.slot][0].fetch(request.region)
                inputs[request.role] = at_epoch(stars, request.epoch_mjd)
            elif isinstance(request, CalibrationRequest):
                inputs[request.role] = _neutral(request.kinds, shape)
            else:
                inputs[request.role] = None
        made |= planned.step.run(inputs, planned.params, context).outputs
    return made


def _neutral(kinds: tuple[str, ...], shape: tuple[int, int]) -> Mapping[str, CalibrationFrame]:
    frames = {kind: np.full(shape, value, np.float32) for kind, value in _NEUTRAL.items() if kind in kinds}
    return {kind: CalibrationFrame(kind, data, f"neutral-{kind}") for kind, data in frames.items()}


def _write_catalog(path: Path, truth: ColumnTable, band: str) -> None:
    stars = truth.rows(truth["kind"].astype(str) == "star") if "kind" in truth else truth
    columns = {name: stars[name] for name in ("ra", "dec")}
    error = np.full(stars.n_rows, _CATALOG_ERROR_MAS)
    columns |= {"ra_error": error, "dec_error": error}
    columns |= {f"mag_{name}": stars["magnitude"] for name in {*_BANDS, band}}
    Table(columns).write(path, overwrite=True)
