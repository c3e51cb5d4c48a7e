"""Nine real DECam exposures of one field, each subtracted from each other of its filter: what is left is noise.

The cut-outs are those of legacypipe's test ``testcase4`` (https://github.com/legacysurvey/legacypipe); the how-to
``decam-cutouts`` says how to get them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seechange_core.errors import Rejected
from seechange_core.imaging.astrometry.proper_motion import at_epoch
from seechange_core.imaging.robust import scatter
from seechange_core.pipeline import CALIBRATED_ROLES, Plan, exposure_plan, process_schemas
from seechange_core.profile import Profile, load_profile
from seechange_core.registry import Registry
from seechange_core.steps.step import (
    CalibratedImage,
    CatalogRequest,
    ReferenceRequest,
    StepContext,
    SuppliedPsfRequest,
)

Record = Callable[[str, float, str], None]
FIELDS = ("testcase4", "testcase4-history")
#: An older reduction of an exposure that is there in another one.
LEFT_OUT = "CP20150407"
#: Circles in which not all is noise (x, y, radius; pixel of the z exposure of 2018-02-12): a star that moves, a source
#: that varies, the core of a galaxy.
MOVING, VARIABLE, CORE = (83, 19, 25), (184, 27, 15), (122, 190, 12)
#: On that exposure only: a cosmic ray that the product's mask does not have.
COSMIC_RAY = (213, 29, 12)
NEWEST_Z = 58161

pytestmark = pytest.mark.slow


class Field:
    """The calibrated exposures, in memory."""

    def __init__(self, data: Path, profile_file: Path) -> None:
        self._data, self._profile_file = data, profile_file
        profile = self.profile()
        self.instrument = profile.instrument()
        plan = exposure_plan(profile).through("photocal")
        paths = [
            path
            for field in FIELDS
            for path in sorted((data / field / "images").rglob("*_ooi_*"))
            if LEFT_OUT not in path.parts
        ]
        self.images = sorted((self._calibrated(path, plan) for path in paths), key=mjd)

    def profile(self, *assignments: str) -> Profile:
        """Return the profile of cut-outs."""
        catalogs = [
            f"{process}.catalog.file.path={self._data / FIELDS[0] / 'gaia'}"
            for process in ("astrocal", "photocal")
        ]
        return load_profile(
            Registry(),
            process_schemas(),
            file=self._profile_file,
            assignments=[*catalogs, *assignments],
            environment={},
        )

    def _calibrated(self, path: Path, plan: Plan) -> dict[str, Any]:
        files = self.instrument.files_of(path)
        (section,) = self.instrument.read_header(files).sections
        products: dict[str, Any] = {"section": self.instrument.read(files, section)}
        psf = self.instrument.supplied_psf(files, section)
        return self.taken_through(products, plan, {SuppliedPsfRequest: psf})

    def taken_through(
        self, products: Mapping[str, Any], plan: Plan, answers: Mapping[type, Any]
    ) -> dict[str, Any]:
        """Run steps in memory; what they ask for, other than stars, is in the answers."""
        made = dict(products)
        for planned in plan:
            context = StepContext(planned.components, self.instrument)
            inputs = dict(made)
            for request in planned.step.requests(made, planned.params, context):
                if isinstance(request, CatalogRequest):
                    stars = planned.components[request.slot][0].fetch(request.region)
                    inputs[request.role] = at_epoch(stars, request.epoch_mjd)
                else:
                    inputs[request.role] = answers.get(type(request), {})
            made |= planned.step.run(inputs, planned.params, context).outputs
        return made

    def of_filter(self, band: str) -> list[dict[str, Any]]:
        """Return the exposures of a filter in the order of time."""
        return [image for image in self.images if image["image"].info["filter"] == band]

    def subtracted(self, new: dict[str, Any], reference: dict[str, Any], *assignments: str) -> dict[str, Any]:
        """Return difference and measurements of a pair."""
        whole = exposure_plan(self.profile(*assignments))
        wanted = ("subtraction", "detection", "cutting", "measuring")
        plan = Plan(tuple(whole[process] for process in wanted))
        answer = CalibratedImage(**{role: reference[role] for role in CALIBRATED_ROLES})
        return self.taken_through(new, plan, {ReferenceRequest: answer})

    def centres(self, image: dict[str, Any]) -> list[tuple[float, float, float]]:
        """Return the circles on an image; that of the cosmic ray only where it is."""
        pattern = next(one for one in self.of_filter("z") if int(mjd(one)) == NEWEST_Z)
        circles = [MOVING, VARIABLE, CORE, COSMIC_RAY]
        sky = pattern["mapping"].pixel_to_sky([c[0] for c in circles], [c[1] for c in circles])
        x, y = image["mapping"].sky_to_pixel(*sky)
        return [(float(x[k]), float(y[k]), radius) for k, (_, _, radius) in enumerate(circles)]


def mjd(image: Mapping[str, Any]) -> float:
    return float(image["image"].info["mjd"])


@pytest.fixture(scope="module")
def field(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Field:
    packaged = (package_files("seechange_decam") / "profiles" / "cutouts.yaml").read_text("utf-8")
    profile_file = tmp_path_factory.mktemp("profile") / "cutouts.yaml"
    profile_file.write_text(packaged)
    return Field(test_data / "decam_cutouts", profile_file)


def within(x: Any, y: Any, circles: list[tuple[float, float, float]]) -> Any:
    return np.any([np.hypot(x - x0, y - y0) <= radius for x0, y0, radius in circles], axis=0)


def score_outside(field: Field, made: dict[str, Any]) -> Any:
    score = made["difference"].score
    row, column = np.indices(score.shape)
    return score[np.isfinite(score) & ~within(column, row, field.centres(made))]


def outside(field: Field, made: dict[str, Any]) -> int:
    """Count the candidates outside of the circles."""
    measured = made["measurements"]
    return int(np.count_nonzero(~within(measured["x"], measured["y"], field.centres(made))))


def test_all_nine_are_there(field: Field) -> None:
    assert {band: len(field.of_filter(band)) for band in "grz"} == {"g": 2, "r": 3, "z": 4}


@pytest.mark.parametrize("band", ["g", "r", "z"])
def test_zogy_leaves_noise(field: Field, record_figure: Record, band: str) -> None:
    """All pairs in both orders; a reference may cover as little as 59 % of the new image."""
    scatters, found = [], []
    for new, reference in itertools.permutations(field.of_filter(band), 2):
        made = field.subtracted(new, reference)
        scatters.append(scatter(score_outside(field, made)))
        found.append(outside(field, made))
    record_figure(f"least_score_scatter_{band}", min(scatters), "sigma")
    record_figure(f"largest_score_scatter_{band}", max(scatters), "sigma")
    record_figure(f"most_candidates_outside_{band}", max(found), "1")
    assert np.max(np.abs(np.array(scatters) - 1.0)) < 0.06
    # In r one source at (14, 95) is brighter in 2017-05 than in 2018-03, by 5.5 sigma.
    assert max(found) <= (1 if band == "r" else 0)


def test_alardlupton_leaves_noise_where_there_are_stars(field: Field, record_figure: Record) -> None:
    """All but four pairs of r share three sources of S/N 8 in their peaks; those are rejected for their lack."""
    settings = ("subtraction.use=alardlupton", "subtraction.alardlupton.min_stamp_snr=8")
    scatters, reasons = [], []
    for band in "grz":
        for new, reference in itertools.permutations(field.of_filter(band), 2):
            try:
                made = field.subtracted(new, reference, *settings)
            except Rejected as rejection:
                reasons.append(rejection.reason)
                continue
            scatters.append(scatter(score_outside(field, made)))
            assert outside(field, made) == 0
    assert (len(scatters), len(reasons)) == (16, 4)
    assert all("alardlupton.min_stamps" in reason for reason in reasons)
    record_figure("largest_score_scatter_alardlupton", max(scatters), "sigma")
    assert np.max(np.abs(np.array(scatters) - 1.0)) < 0.06


def test_the_variable_source_faded_in_every_z_pair_with_the_last(field: Field, record_figure: Record) -> None:
    """By 2018; the shorter of the other exposures see it at 5 sigma only."""
    *before, last = field.of_filter("z")
    assert int(mjd(last)) == NEWEST_Z
    for earlier, sign in itertools.product(before, (-1, 1)):
        new, reference = (last, earlier) if sign < 0 else (earlier, last)
        made = field.subtracted(new, reference)
        x, y, _ = (round(value) for value in field.centres(made)[1])
        peak = float(np.nanmax(sign * made["difference"].score[y - 3 : y + 4, x - 3 : x + 4]))
        record_figure(f"fading_{mjd(new):.0f}_{mjd(reference):.0f}", peak, "sigma")
        assert peak > 4.5
