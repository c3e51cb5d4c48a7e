"""Objects and light curves of a season, against its truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import select

from seechange_core.frames import ColumnTable, Floats
from seechange_core.frames.mapping import separation_deg
from seechange_core.imaging.photometry.forced_photometry import RADIUS_FWHM, forced_fluxes
from seechange_core.models import DeepScore, Image, Measurements, Object, WorldCoordinates
from seechange_core.registry import Registry
from seechange_core.runner.forced_photometry import force
from seechange_core.runner.light_curve import light_curve
from seechange_core.store.files import StoredFile
from seechange_core.store.formats.documents import mapping_from_document
from seechange_core.store.formats.source_pixels import read_around

Record = Callable[[str, float, str], None]

SAME_ARCSEC = 1.0
#: Constant stars keep this distance from other stars that are not much fainter, and from all that changes.
ISOLATED_ARCSEC = 5.0
EDGE_PIXEL = 45.0

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Found:
    """What the chain made of a season.

    Attributes
    ----------
    objects : dict
        By primary key.
    rows : list
        Measurements with their scores.
    ra, dec : array
        Of the rows (deg).
    """

    objects: dict[UUID, Object]
    rows: list[Any]
    ra: Floats
    dec: Floats

    def near(self, ra: float, dec: float, mjd: float | None = None) -> list[Any]:
        """Return the measurements at a place, of one night or of all."""
        distance = separation_deg(ra, dec, self.ra, self.dec) * 3600
        rows = [self.rows[number] for number in np.flatnonzero(distance < SAME_ARCSEC)]
        return [row for row in rows if mjd is None or abs(row.mjd - mjd) < 0.01]

    def members(self, object_id: UUID) -> list[Any]:
        """Return the measurements of an object."""
        return [row for row in self.rows if row.object_id == object_id]


@pytest.fixture(scope="module")
def found(season: Any) -> Found:
    columns = (Measurements.object_id, Measurements.ra, Measurements.dec, Measurements.mjd, DeepScore.score)
    with season.services.store.database.read() as session:
        objects = {one.id: one for one in session.scalars(select(Object))}
        scored = select(*columns, DeepScore.info).join(DeepScore, DeepScore.measurement_id == Measurements.id)
        rows = list(session.execute(scored))
    return Found(objects, rows, np.array([row.ra for row in rows]), np.array([row.dec for row in rows]))


def variables_of(sky: Any) -> ColumnTable:
    return sky.stars.rows(sky.stars["amplitude"] > 0)


def test_every_night_is_done(season: Any, record_figure: Record) -> None:
    assert season.states == ["done"] * len(season.nights)
    record_figure("season_cpu", season.cpu_s, "s")


def test_each_transient_is_one_object(season: Any, found: Found, record_figure: Record) -> None:
    table = season.sky.transients
    n_detections = 0
    for ra, dec in zip(table["ra"], table["dec"], strict=True):
        rows = found.near(ra, dec)
        (object_id,) = {row.object_id for row in rows}
        assert len(found.members(object_id)) == len(rows)
        n_detections += len(rows)
    record_figure("transients_that_are_one_object", table.n_rows, "1")
    record_figure("detections_of_a_transient", n_detections / table.n_rows, "1")


def test_each_variable_is_one_object(season: Any, found: Found, record_figure: Record) -> None:
    table = variables_of(season.sky)
    own = [found.near(ra, dec) for ra, dec in zip(table["ra"], table["dec"], strict=True)]
    detected = [rows for rows in own if rows]
    record_figure("variables_detected", len(detected), "1")
    # A quarter of the simulated field lies off the CCD.
    assert len(detected) >= 12
    for rows in detected:
        assert len({row.object_id for row in rows}) == 1


def test_no_asteroid_is_joined_to_anything(season: Any, found: Found, record_figure: Record) -> None:
    table = season.asteroids
    n_found = 0
    for ra, dec, mjd in zip(table["ra"], table["dec"], table["mjd"], strict=True):
        for row in found.near(ra, dec, mjd):
            n_found += 1
            assert len(found.members(row.object_id)) == 1
    record_figure("asteroids_found", n_found / table.n_rows, "1")
    assert n_found >= 0.8 * table.n_rows


def test_few_false_objects_score_high(season: Any, found: Found, record_figure: Record) -> None:
    variables = variables_of(season.sky)
    real = [(one["ra"], one["dec"]) for one in (season.sky.transients, variables, season.asteroids)]
    ra, dec = (np.concatenate(columns) for columns in zip(*real, strict=True))
    high = {row.object_id for row in found.rows if row.score > row.info["threshold"]}
    places = [(found.objects[key].ra, found.objects[key].dec) for key in high]
    false = sum(separation_deg(*place, ra, dec).min() * 3600 > 1.5 * SAME_ARCSEC for place in places)
    n_objects = sum(
        separation_deg(one.ra, one.dec, ra, dec).min() * 3600 > 1.5 * SAME_ARCSEC
        for one in found.objects.values()
    )
    record_figure("false_objects_a_night", n_objects / len(season.nights), "1")
    record_figure("false_objects_a_night_above_the_threshold", false / len(season.nights), "1")
    assert false <= len(season.nights)


def forced(season: Any, found: Found, ra: float, dec: float) -> Any:
    """Measure the object at a place on all nights, and return its light curve."""
    store = season.services.store
    target = found.objects[found.near(ra, dec)[0].object_id]
    force(store, target, "current")
    return light_curve(store, Registry(), target, forced=True)


def test_light_curves_of_transients_are_true(
    season: Any, found: Found, true_njy: Callable[[Floats], Floats], record_figure: Record
) -> None:
    table = season.sky.transients
    truth = true_njy(
        np.stack([season.sky.transient_magnitudes(night.mjd) for night in season.nights], axis=1)
    )
    curves = [forced(season, found, ra, dec) for ra, dec in zip(table["ra"], table["dec"], strict=True)]
    assert [len(curve["mjd"]) for curve in curves] == [len(season.nights)] * table.n_rows
    flux, error = (np.stack([curve[name] for curve in curves]) for name in ("flux", "flux_error"))
    known = np.isfinite(flux)
    assert known.mean() > 0.97
    pull, weight = (flux - truth)[known] / error[known], (truth / error)[known] ** 2
    bias = np.average(flux[known] / truth[known] - 1.0, weights=weight)
    record_figure("chi2_of_transients", float(np.mean(pull**2)), "1")
    record_figure("flux_bias_of_transients", 100.0 * bias, "per cent")
    record_figure("error_of_the_flux_bias", 100.0 / np.sqrt(weight.sum()), "per cent")
    # 600 points, the noise of the reference in common: good to 0.08.
    assert np.mean(pull**2) == pytest.approx(1.0, abs=0.2)
    assert abs(bias) < 0.005


def test_total_fluxes_of_variables_are_true(
    season: Any, found: Found, true_njy: Callable[[Floats], Floats], record_figure: Record
) -> None:
    table = variables_of(season.sky)
    varies = np.flatnonzero(season.sky.stars["amplitude"] > 0)
    ratios, errors = [], []
    for star, ra, dec in zip(varies, table["ra"], table["dec"], strict=True):
        if found.near(ra, dec):
            curve = forced(season, found, ra, dec)
            magnitudes = [season.sky.star_magnitudes("r", mjd)[star] for mjd in curve["mjd"]]
            truth = true_njy(np.array(magnitudes))
            ratios.append(float(np.median(curve["total_flux"] / truth)))
            errors.append(float(np.median(curve["total_flux_error"] / truth)))
    off = np.abs(np.array(ratios) - 1.0) / np.hypot(errors, 0.003)
    record_figure("median_total_flux_over_truth", float(np.nanmedian(ratios)), "1")
    record_figure("variables_with_a_true_total_flux", float(np.mean(off < 2.0)), "1")
    assert np.nanmedian(ratios) == pytest.approx(1.0, abs=0.005)
    # The median of a star's nights has the error of the reference. Some have no source of their own in the reference
    # (NaN), or were clipped in some of its members because they vary.
    assert np.mean(off < 2.0) >= 0.75


def test_constant_stars_scatter_as_their_errors_say(season: Any, record_figure: Record) -> None:
    """Forced photometry of stars of S/N 8 to 400 that do not change: nothing is left but noise."""
    ra, dec = isolated_stars(season)
    store = season.services.store
    wanted = select(Image.path_stem, Image.components, Image.archive_state, WorldCoordinates.mapping).join(
        WorldCoordinates, WorldCoordinates.id == Image.id
    )
    with store.database.read() as session:
        images = session.execute(wanted.where(Image.is_difference)).all()
    squares: list[Floats] = []
    for *columns, document in images:
        path = store.files.local_path(StoredFile.from_columns(*columns)[0])
        measured = forced_fluxes(list(sources(path, *mapping_from_document(document).sky_to_pixel(ra, dec))))
        squares.append((measured.flux / measured.flux_error) ** 2)
    chi2 = np.concatenate(squares)
    chi2 = chi2[np.isfinite(chi2)]
    record_figure("chi2_of_constant_stars", float(chi2.mean()), "1")
    # Good to 0.05, the noise of the reference in common.
    assert len(chi2) > 800
    assert chi2.mean() == pytest.approx(1.0, abs=0.1)


def sources(path: Path, x: Floats, y: Floats) -> Any:
    inside = (x > EDGE_PIXEL) & (x < 1023 - EDGE_PIXEL) & (y > EDGE_PIXEL) & (y < 1023 - EDGE_PIXEL)
    return (read_around(path, *place, RADIUS_FWHM) for place in zip(x[inside], y[inside], strict=True))


def isolated_stars(season: Any) -> tuple[Floats, Floats]:
    sky = season.sky
    ra, dec = sky.star_positions(season.nights[len(season.nights) // 2].mjd)
    magnitude = sky.stars["mag_r"]
    changing = np.concatenate([sky.transients["ra"], ra[sky.stars["amplitude"] > 0], season.asteroids["ra"]])
    changing_dec = np.concatenate(
        [sky.transients["dec"], dec[sky.stars["amplitude"] > 0], season.asteroids["dec"]]
    )
    chosen = []
    for number in np.flatnonzero((magnitude > 17.0) & (magnitude < 22.0) & (sky.stars["amplitude"] == 0)):
        distance = separation_deg(ra[number], dec[number], ra, dec) * 3600
        beside = (distance < ISOLATED_ARCSEC) & (magnitude < magnitude[number] + 2.0)
        far = separation_deg(ra[number], dec[number], changing, changing_dec).min() * 3600 > ISOLATED_ARCSEC
        if np.count_nonzero(beside) == 1 and far:
            chosen.append(number)
    return ra[chosen], dec[chosen]
