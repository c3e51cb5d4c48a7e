"""Images that are calibrated relative to one of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seechange_core.api import Rejected
from seechange_core.builtin.astrometry_relative import RelativeAstrometry
from seechange_core.builtin.photometry_relative import RelativePhotometry
from seechange_core.frames import (
    Frame,
    MeasurementTable,
    PhotometricSolution,
    SkyMapping,
    SourceTable,
    StarTable,
)
from seechange_core.frames.photometry import RELATIVE_ZERO_POINT
from seechange_core.imaging.astrometry.frame_stars import frame_stars
from seechange_core.store.formats.documents import mapping_document, mapping_from_document
from seechange_core.store.formats.tables import table_extension

SHAPE = (512, 512)
NAME = "first.fits"
NOMINAL = SkyMapping((270.0, -25.0), (255.5, 255.5), np.diag([-0.3, 0.3]) / 3600.0)
NOISE_PIXEL, NOISE_MAG = 0.02, 0.01


def source_table(x: np.ndarray, y: np.ndarray, flux: np.ndarray) -> SourceTable:
    n = len(x)
    columns = {name: np.zeros(n, dtype) for name, (dtype, _, _) in SourceTable.COLUMNS.items()}
    columns |= {"x": x, "y": y, "flux": flux, "flux_error": NOISE_MAG * flux, "snr": np.full(n, 100.0)}
    columns |= {"x_error": np.full(n, NOISE_PIXEL), "y_error": np.full(n, NOISE_PIXEL)}
    columns |= {"a": np.full(n, 2.0), "b": np.full(n, 2.0), "is_star": np.ones(n, bool)}
    return SourceTable(columns)


def scene(seed: int, shift: tuple[float, float] = (0.0, 0.0), dimmer: float = 1.0) -> SourceTable:
    """The same 300 stars, moved by a shift (pixel), as an image of 512 x 512 pixels has them."""
    sky, noise = np.random.default_rng(1), np.random.default_rng(seed)
    x, y = sky.uniform(-100, 612, (2, 300))
    flux = 1e4 * (1 + sky.pareto(1.0, 300)) / dimmer
    x, y = (
        x + shift[0] + NOISE_PIXEL * noise.normal(size=300),
        y + shift[1] + NOISE_PIXEL * noise.normal(size=300),
    )
    flux = flux * 10 ** (0.4 * NOISE_MAG * noise.normal(size=300))
    on = (x > 0) & (x < SHAPE[1] - 1) & (y > 0) & (y < SHAPE[0] - 1)
    return source_table(x[on], y[on], flux[on])


def image() -> Frame:
    plane = np.ones(SHAPE, np.float32)
    return Frame(plane, plane, np.zeros(SHAPE, np.uint16), {"filter": "I"})


@pytest.fixture(scope="module")
def stars() -> StarTable:
    return frame_stars([(scene(2), NOMINAL)], NAME, 56000.0)


def test_sources_take_the_place_of_stars(stars: StarTable) -> None:
    sources = scene(2)
    x, y = NOMINAL.sky_to_pixel(stars["ra"], stars["dec"])
    np.testing.assert_allclose([x, y], [sources["x"], sources["y"]], atol=1e-6)
    np.testing.assert_allclose(stars["ra_error"], 300 * NOISE_PIXEL, rtol=1e-5)
    np.testing.assert_allclose(10 ** (0.4 * (25 - stars["mag_relative"])), sources["flux"])
    assert stars.meta["catalog"] == NAME


def test_masked_and_negative_sources_are_left_out() -> None:
    sources = scene(2)
    mask, flux = np.zeros(sources.n_rows, np.uint16), np.array(sources["flux"])
    mask[0], flux[1] = 1, -1.0
    found = frame_stars([(sources.with_columns(mask=mask, flux=flux), NOMINAL)], NAME, 56000.0)
    assert found.n_rows == sources.n_rows - 2


def test_an_image_is_registered_however_far_it_is_off(stars: StarTable) -> None:
    shift = (92.3, -61.8)
    solver = RelativeAstrometry(RelativeAstrometry.Params(frame=NAME))
    mapping, metrics = solver.solve(image(), scene(3, shift), NOMINAL, stars)
    assert (mapping.relative_to, mapping.sky_frame, metrics["relative_to"]) == (NAME, "relative", NAME)
    x, y = np.array([100.0, 255.5, 400.0]), np.array([100.0, 255.5, 400.0])
    back = NOMINAL.sky_to_pixel(*mapping.pixel_to_sky(x, y))
    np.testing.assert_allclose(back, [x - shift[0], y - shift[1]], atol=0.01)


def test_what_a_mapping_is_relative_to_is_kept_in_its_document() -> None:
    relative = replace(NOMINAL, relative_to=NAME)
    assert mapping_from_document(mapping_document(relative)).relative_to == NAME
    older = mapping_document(NOMINAL)
    del older["relative_to"]
    assert mapping_from_document(older).sky_frame == "icrs"


def test_zero_point_is_relative(stars: StarTable) -> None:
    solver = RelativePhotometry(RelativePhotometry.Params(frame=NAME))
    solution, metrics = solver.solve(image(), scene(4, dimmer=2.0), NOMINAL, stars, None)
    assert not solution.calibrated
    assert (solution.relative_to, solution.flux_unit, solution.filter) == (NAME, "relative", "I")
    assert solution.zero_point == pytest.approx(25 - 2.5 * np.log10(2.0), abs=0.005)
    assert solution.flux_per_electron_at(10.0, 10.0)[0] == pytest.approx(2.0, rel=0.005)
    assert metrics["zero_point_error"] < 0.003


def test_zero_point_of_the_exposure_itself_is_nominal(stars: StarTable) -> None:
    solver = RelativePhotometry(RelativePhotometry.Params(frame=NAME))
    solution, _ = solver.solve(image(), scene(2), NOMINAL, stars, None)
    assert solution.zero_point == pytest.approx(RELATIVE_ZERO_POINT, abs=1e-9)
    assert solution.zero_point_error == 0.0


def test_too_few_stars_are_rejected(stars: StarTable) -> None:
    solver = RelativePhotometry(RelativePhotometry.Params(frame=NAME))
    with pytest.raises(Rejected, match=r"3 stars of first.fits can be used"):
        solver.solve(image(), scene(4).rows(slice(3)), NOMINAL, stars, None)


@pytest.mark.parametrize(
    ("solution", "unit", "factor"),
    [
        (PhotometricSolution(30.0, 0.01, 0.01, 9, "I"), "nJy", 10**0.56),
        (
            PhotometricSolution(24.0, 0.01, 0.01, 9, "I", calibrated=False, relative_to=NAME),
            "relative",
            10**0.4,
        ),
        (PhotometricSolution(24.0, 0.01, 0.01, 9, "I", calibrated=False), "electron", 1.0),
    ],
)
def test_units_of_fluxes(solution: PhotometricSolution, unit: str, factor: float) -> None:
    assert solution.flux_unit == unit
    np.testing.assert_allclose(solution.flux_per_electron_at([1.0, 2.0], [3.0, 4.0]), factor)


@pytest.mark.parametrize(
    ("meta", "unit"),
    [
        ({"calibrated": True, "flux_unit": "nJy"}, "nJy"),
        ({"calibrated": False, "flux_unit": "relative"}, "relative"),
        ({"calibrated": False, "flux_unit": "electron"}, "electron"),
        ({"calibrated": True}, "nJy"),
        ({"calibrated": False}, "electron"),
    ],
)
def test_files_of_measurements_call_fluxes_what_they_are(meta: dict[str, object], unit: str) -> None:
    table = MeasurementTable(MeasurementTable.empty(), meta)
    header = table_extension(table)[0].header
    units = {header[f"TTYPE{n}"]: header.get(f"TUNIT{n}") for n in range(1, header["TFIELDS"] + 1)}
    fluxes = ("flux", "flux_error", "aperture_flux", "aperture_flux_error", "new_flux", "reference_flux")
    assert {units[name] for name in fluxes} == {unit}
    assert units["ra"] == "deg"
