"""Zero points of rendered fields so crowded that the mean over all matched stars is off by 100 mmag."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from seechange_core.api import PsfEstimator
from seechange_core.builtin.background_sep import SepBackground
from seechange_core.builtin.photometry_stars import StarsPhotometry
from seechange_core.builtin.psf_pixelgrid import PixelGridPsf
from seechange_core.builtin.psf_supplied import SuppliedPsf
from seechange_core.frames import ColumnTable, Frame, PsfModel, SkyMapping, SourceTable, StarTable
from seechange_core.imaging.astrometry.pairing import mutual_pairs
from seechange_core.imaging.astrometry.proper_motion import at_epoch
from seechange_core.imaging.photometry.star_isolation import neighbours_light
from seechange_core.simulation.exposure import Conditions, render_frame
from seechange_core.simulation.sky import random_sky
from seechange_core.simulation.star_catalog import gaia_like_catalog
from seechange_core.steps.extraction import Extraction, ExtractionParams
from seechange_core.steps.step import StepContext

SIDE = 800
SCALE = 0.26 / 3600.0
MAPPING = SkyMapping((150.0, 2.0), ((SIDE - 1) / 2, (SIDE - 1) / 2), np.diag([-SCALE, SCALE]))
STARS_PER_ARCMIN2 = 1900.0
CONDITIONS = Conditions(60000.0, 60.0, "r", seeing_arcsec=1.2, sky_electron=1500.0, zero_point=30.2)

Record = Callable[[str, float, str], None]
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Crowd:
    frame: Frame
    truth: ColumnTable
    stars: StarTable
    psf: PsfModel

    def sources(self, estimator: PsfEstimator) -> SourceTable:
        components = {"background": (SepBackground(),), "psf": (estimator,)}
        context = StepContext(components, None)
        inputs = {"image": self.frame, "supplied_psf": self.psf}
        sources: SourceTable = Extraction().run(inputs, ExtractionParams(), context).outputs["sources"]
        return sources


@pytest.fixture(scope="module")
def crowd(seed: int) -> Crowd:
    rng = np.random.default_rng(seed)
    size = (SIDE * 0.26 + 40.0,) * 2
    sky = random_sky(
        rng,
        (150.0, 2.0),
        size,
        stars_per_arcmin2=STARS_PER_ARCMIN2,
        galaxies_per_arcmin2=10.0,
        n_variables=200,
        epoch_mjd=57388.0,
    )
    field = CONDITIONS.psf_field((SIDE, SIDE), 0.26, (0.01, 0.01, 0.01, 0.0))
    frame, truth = render_frame(rng, sky, MAPPING, field, CONDITIONS, 6.0)
    catalog = gaia_like_catalog(rng, sky)
    system = {"G": "vega", "BP": "vega", "RP": "vega", "r": "ab"}
    stars = at_epoch(StarTable(catalog, {"epoch_mjd": 57388.0, "system": system}), CONDITIONS.mjd)
    return Crowd(frame, truth, stars, field.model())


def mean_of_all(sources: SourceTable, stars: StarTable) -> float:
    """Zero point without any care: the mean of whatever matches within an arcsecond."""
    x, y = MAPPING.sky_to_pixel(stars["ra"], stars["dec"])
    star, source = mutual_pairs(x, y, sources["x"], sources["y"], 1.0 / 0.26)
    with np.errstate(invalid="ignore"):
        return float(np.nanmean(stars["mag_r"][star] + 2.5 * np.log10(sources["flux"][source])))


def test_zero_point_with_a_known_psf(crowd: Crowd, record_figure: Record) -> None:
    sources = crowd.sources(SuppliedPsf())
    solution, metrics = StarsPhotometry().solve(crowd.frame, sources, MAPPING, crowd.stars, None)
    error = solution.zero_point - CONDITIONS.zero_point
    mean_error = mean_of_all(sources, crowd.stars) - CONDITIONS.zero_point
    record_figure("crowded_zero_point_error_known_psf", 1e3 * error, "mmag")
    record_figure("crowded_mean_error", 1e3 * mean_error, "mmag")
    assert mean_error > 0.09
    assert metrics["n_alone"] >= 100
    # A star's light holds 3 to 4 mmag of unresolved neighbours, however isolated: the same as in the stars that are
    # then calibrated by it, so that their magnitudes are right.
    assert abs(error) < 0.006
    record_figure("crowded_zero_point_quoted_error", 1e3 * solution.zero_point_error, "mmag")
    # The quoted error says so.
    assert 0.7 < abs(error) / solution.zero_point_error < 1.4


def test_calibrated_magnitudes_with_a_measured_psf(crowd: Crowd, record_figure: Record) -> None:
    sources = crowd.sources(PixelGridPsf())
    solution, _ = StarsPhotometry().solve(crowd.frame, sources, MAPPING, crowd.stars, None)
    star, source = mutual_pairs(crowd.truth["x"], crowd.truth["y"], sources["x"], sources["y"], 1.0)
    light = neighbours_light(
        crowd.truth["x"][star],
        crowd.truth["y"][star],
        crowd.truth["flux"][star],
        crowd.truth["x"],
        crowd.truth["y"],
        crowd.truth["flux"],
        crowd.psf.fwhm,
    )
    chosen = (light < 0.003) & (sources["snr"][source] > 100) & (crowd.truth["kind"][star] == "star")
    magnitude = solution.magnitude(sources["flux"][source[chosen]])
    error = float(np.median(magnitude - crowd.truth["magnitude"][star[chosen]]))
    record_figure("crowded_magnitude_error_measured_psf", 1e3 * error, "mmag")
    record_figure("crowded_zero_point_error_measured_psf", 1e3 * (solution.zero_point - 30.2), "mmag")
    assert chosen.sum() > 20
    assert abs(error) < 0.003
