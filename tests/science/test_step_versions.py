"""The output of a step changes only with its version, or with that of a component in it.

Each step runs on a fixed simulated scene. ``step_versions.json`` holds for each the versions in it, a summary of its
inputs and one of its outputs. Where versions and inputs are the stored ones, the outputs must be too. After a change
that is meant: raise the version of the step or the component, run

    SEECHANGE_UPDATE_STEP_VERSIONS=1 python -m pytest tests/science/test_step_versions.py

and commit the file. A change also moves the inputs of the steps after it, whose versions stay: the file has to be
brought up to date for them in the same way.

A summary is no hash of the pixels: processors and libraries differ in the last bits, and a hash of rounded numbers
differs where one of them lies next to where rounding jumps. It holds the shape, the part that is finite, the median,
the spread, and the sum with random signs of each array. The last one moves by more than the tolerance if a single pixel
of a million moves by half the noise.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seechange_core.builtin.simulated_survey import SurveyFiles
from seechange_core.frames import CalibrationFrame, Difference, MeasurementTable
from seechange_core.imaging.alignment.sky_grid import SkyGrid
from seechange_core.imaging.astrometry.proper_motion import at_epoch
from seechange_core.imaging.calibration.calibration_frames import combine_calibration
from seechange_core.imaging.photometry.forced_photometry import RADIUS_FWHM, forced_fluxes
from seechange_core.pipeline import (
    CALIBRATED_ROLES,
    COADD_CHAIN,
    EXPOSURE_CHAIN,
    INJECTION_CHAIN,
    Plan,
    PlannedStep,
    coadd_plan,
    exposure_plan,
    injection_plan,
    process_schemas,
)
from seechange_core.profile import load_profile
from seechange_core.registry import Registry
from seechange_core.runner.calibration_inputs import CORRECTED_BEFORE
from seechange_core.runner.injected_search import search_in_memory
from seechange_core.steps.step import (
    CalibratedImage,
    CalibrationRequest,
    CatalogRequest,
    ReferenceRequest,
    ReferenceSources,
    ReferenceSourcesRequest,
    StepContext,
)
from seechange_core.store.formats import FILE_FORMATS
from seechange_core.store.formats.source_pixels import read_around
from seechange_core.store.light_curves import PROCESS as FORCED
from seechange_core.store.light_curves import VERSION as FORCED_VERSION

pytestmark = pytest.mark.slow

STORED = Path(__file__).with_name("step_versions.json")
UPDATED = os.environ.get("SEECHANGE_UPDATE_STEP_VERSIONS") == "1"
SECTION = "C1"
#: The rest of a branch with injected sources are the steps of the chain.
BRANCH = (INJECTION_CHAIN[0], INJECTION_CHAIN[-1])
#: Forced photometry is no step of a chain: it is measured when a light curve is asked for.
PROCESSES = list(dict.fromkeys(step.process for step in (*COADD_CHAIN, *EXPOSURE_CHAIN, *BRANCH)))
PROCESSES.append(FORCED)
#: Absolute for sums and parts, which are of order 1, and relative for larger numbers.
TOLERANCE = 1e-4


class Bench:
    """Runs plans in memory on exposures of one CCD, and keeps the summaries of what each step got and made."""

    def __init__(self, files: SurveyFiles) -> None:
        catalogs = [f"{process}.catalog" for process in ("astrocal", "photocal")]
        assignments = [f"{catalog}.use=file" for catalog in catalogs]
        assignments += [f"{catalog}.file.path={files.catalog}" for catalog in catalogs]
        self.profile = load_profile(
            Registry(), process_schemas(), instrument="simcam", assignments=assignments, environment={}
        )
        self.instrument = self.profile.instrument()
        self.summaries: dict[str, dict[str, Any]] = {}
        self.calibrations: dict[str, CalibrationFrame] = {}
        for kind, paths in (("bias", files.bias[:3]), ("flat", files.flats[:3])):
            self.calibrations[kind] = self._combined(kind, paths)
        members = tuple(self._calibrated(path) for path in files.reference[:2])
        grid = SkyGrid.covering(
            [member.mapping.footprint(member.image.shape) for member in members],
            self.instrument.pixel_scale_arcsec,
        )
        made = self._run(coadd_plan(self.profile), {"members": members, "grid": grid})
        self.reference = CalibratedImage(**{role: made[role] for role in CALIBRATED_ROLES})
        searched = self._run(exposure_plan(self.profile), self._origin(files.new[0]))
        self._inject(searched)
        self._force(
            searched["difference"], searched["measurements"], files.new[0].with_name("difference.fits")
        )

    def _combined(self, kind: str, paths: tuple[Path, ...]) -> CalibrationFrame:
        detrenders = {one.name: one for one in self.profile.components("preprocessing")[""]}
        sections = []
        for path in paths:
            section = self.instrument.read((path,), SECTION)
            for name, detrender in detrenders.items():
                if name in CORRECTED_BEFORE[kind]:
                    section = detrender.apply(section, self.calibrations)
            sections.append(section)
        return combine_calibration(kind, sections, kind)

    def _origin(self, path: Path) -> dict[str, Any]:
        return {"section": self.instrument.read((path,), SECTION)}

    def _calibrated(self, path: Path) -> CalibratedImage:
        made = self._run(exposure_plan(self.profile).through("photocal"), self._origin(path))
        return CalibratedImage(**{role: made[role] for role in CALIBRATED_ROLES})

    def _run(self, plan: Plan, origin: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for planned in plan:
            inputs = {role: made[role] for role in planned.step.inputs} if planned.upstream else dict(origin)
            context = StepContext(planned.components, self.instrument)
            for request in planned.step.requests(inputs, planned.params, context):
                inputs[request.role] = self._answer(request, planned)
            outputs = planned.step.run(dict(inputs), planned.params, context).outputs
            # Of a step that runs more than once the last run counts: that on the new exposure.
            self.summaries[planned.process] = {
                "versions": versions(planned),
                "inputs": summary(inputs),
                "outputs": summary(outputs),
            }
            made |= outputs
        return made

    def _inject(self, searched: dict[str, Any]) -> None:
        branch = injection_plan(self.profile)
        # Which sources are injected follows from the identity; here it must not follow from versions.
        made = search_in_memory(
            branch,
            searched,
            lambda planned: planned.process,
            lambda planned, request: self._answer(request, planned),
            instrument=self.instrument,
        ).outputs
        first, last = branch.steps[0], branch.steps[-1]
        for planned, inputs in ((first, searched), (last, {**searched, **made})):
            self.summaries[planned.process] = {
                "versions": versions(planned),
                "inputs": summary({role: inputs[role] for role in planned.step.inputs}),
                "outputs": summary({role: made[role] for role in planned.step.outputs}),
            }

    def _force(self, difference: Difference, measured: MeasurementTable, path: Path) -> None:
        """Measure off the peaks, too: there a flux depends on the whole profile."""
        path.write_bytes(FILE_FORMATS["difference"].to_bytes(difference))
        x, y = measured["x"] + 0.4, measured["y"] - 0.3
        pixels = [read_around(path, *place, RADIUS_FWHM) for place in zip(x, y, strict=True)]
        self.summaries[FORCED] = {
            "versions": [f"{FORCED} {FORCED_VERSION}"],
            "inputs": summary({"difference": difference, "x": x, "y": y}),
            "outputs": {"fluxes": summary(forced_fluxes(pixels))},
        }

    def _answer(self, request: Any, planned: PlannedStep) -> Any:
        if isinstance(request, CatalogRequest):
            return at_epoch(planned.components[request.slot][0].fetch(request.region), request.epoch_mjd)
        if isinstance(request, CalibrationRequest):
            return self.calibrations
        if isinstance(request, ReferenceSourcesRequest):
            return ReferenceSources(self.reference.sources, self.reference.mapping, self.reference.photometry)
        return self.reference if isinstance(request, ReferenceRequest) else None


def versions(planned: PlannedStep) -> list[str]:
    """Name the versions that decide a step's output."""
    components = [one for members in planned.components.values() for one in members]
    return [f"{planned.process} {planned.step.version}", *(f"{one.name} {one.version}" for one in components)]


def summary(value: Any) -> Any:
    """Summarise a product: the same structure, with numbers in place of arrays."""
    if is_dataclass(value) and not isinstance(value, type):
        # Headers are copied, not computed.
        names = [field.name for field in fields(value) if field.name != "header"]
        return {name: summary(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(key): summary(one) for key, one in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [summary(one) for one in value]
    if isinstance(value, np.ndarray):
        return array_summary(value)
    value = value.item() if isinstance(value, np.generic) else value
    return float(f"{value:.7g}") if isinstance(value, float) else value


def array_summary(array: np.ndarray) -> list[Any]:
    """Return shape, finite part, median, spread, and the sum of the scaled values with random signs."""
    if array.dtype.kind not in "biuf":
        return [list(array.shape), *sorted(set(array.astype(str).ravel().tolist()))[:5]]
    values = array.astype(np.float64).ravel()
    finite = np.isfinite(values)
    if not finite.any():
        return [list(array.shape), 0.0]
    low, middle, high = np.percentile(values[finite], [16, 50, 84])
    # Stars would outweigh everything else.
    scaled = np.where(finite, np.arcsinh((values - middle) / ((high - low) or 1.0)), 0.0)
    weights = np.random.default_rng(values.size).choice([-1.0, 1.0], values.size)
    mixed = weights @ scaled / np.sqrt(values.size)
    return [list(array.shape), *(summary(number) for number in (finite.mean(), middle, high - low, mixed))]


def same(first: Any, second: Any) -> bool:
    """Compare two summaries."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, float) and isinstance(second, float):
        return bool(np.isclose(first, second, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True))
    return bool(first == second)


@pytest.fixture(scope="module")
def measured(survey_files: SurveyFiles) -> dict[str, Any]:
    found = Bench(survey_files).summaries
    # As the file holds it.
    found = json.loads(json.dumps(found))
    if UPDATED:
        STORED.write_text(_one_line_each(found))
    return found


def _one_line_each(found: dict[str, dict[str, Any]]) -> str:
    """Lay JSON out so that a change of one product changes one line."""
    blocks = []
    for process, parts in found.items():
        lines = [f'  "versions": {json.dumps(parts["versions"])}']
        for part in ("inputs", "outputs"):
            products = [f"   {json.dumps(role)}: {json.dumps(value)}" for role, value in parts[part].items()]
            lines.append(f'  "{part}": {{\n' + ",\n".join(products) + "\n  }")
        blocks.append(f" {json.dumps(process)}: {{\n" + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(blocks) + "\n}\n"


@pytest.mark.parametrize("process", PROCESSES)
def test_output_changes_only_with_a_version(measured: dict[str, Any], process: str) -> None:
    stored, found = json.loads(STORED.read_text())[process], measured[process]
    if stored["versions"] == found["versions"] and same(stored["inputs"], found["inputs"]):
        changed = [
            role for role in found["outputs"] if not same(stored["outputs"][role], found["outputs"][role])
        ]
        assert not changed, (
            f"{process} makes another {', '.join(changed)} of the same inputs: raise its version, "
            "or that of its component, and bring step_versions.json up to date"
        )
    assert same(stored, found), (
        f"{process} gets other inputs, or has another version: bring step_versions.json up to date"
    )


def test_summary_notices_a_single_pixel() -> None:
    image = np.random.default_rng(3).normal(800.0, 30.0, (1024, 1024)).astype(np.float32)
    changed = image.copy()
    changed[500, 500] += 30.0
    last_bit = np.nextafter(image, np.float32(np.inf))
    assert same(summary(image), summary(last_bit))
    assert not same(summary(image), summary(changed))
    assert not same(summary({"a": image}), summary({"a": image, "b": 1.0}))
