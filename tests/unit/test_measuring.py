from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from seechange_core.frames import (
    DetectionTable,
    Difference,
    Frame,
    MaskPlane,
    MeasurementTable,
    PhotometricSolution,
    PsfModel,
    SkyMapping,
)
from seechange_core.imaging.stamps import cut_triplets
from seechange_core.steps.measuring import Measuring, MeasuringParams
from seechange_core.steps.step import StepContext, StepResult

SHAPE = (120, 100)
FLUX, NOISE = 5000.0, 10.0
MAPPING = SkyMapping((150.0, 2.0), (49.5, 59.5), np.diag([-1.0, 1.0]) / 3600.0, rms_mas=30.0, n_stars=9)
PHOTOMETRY = PhotometricSolution(28.9, 0.01, 0.02, 30, "r")


def gaussian(x: float, y: float) -> Any:
    rows, columns = np.indices(SHAPE)
    sigma = 1.5
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2)) / (2 * math.pi * sigma**2)


def psf() -> PsfModel:
    grid = np.arange(21) - 10
    profile = np.exp(-(grid**2) / (2 * 1.5**2))
    stamp = np.outer(profile, profile)
    return PsfModel((stamp / stamp.sum())[None].astype(np.float32), fwhm=2.3548 * 1.5)


def inputs(x: list[float], y: list[float], data: Any, mask: Any = None, **changes: Any) -> dict[str, Any]:
    mask = np.zeros(SHAPE, np.uint16) if mask is None else mask
    data = np.asarray(data, np.float32)
    variance = np.full(SHAPE, NOISE**2, np.float32)
    n = len(x)
    made = {
        "image": Frame(data, variance, mask, {"mjd": 61000.5, "filter": "r", "exposure_s": 60.0}),
        "psf": psf(),
        "aligned_reference": Frame(np.zeros(SHAPE, np.float32), variance / 4, mask),
        "difference": Difference(data, variance, mask, psf(), ref_psf=psf()),
        "detections": DetectionTable(
            {"x": x, "y": y, "score": [9.0] * n, "n_pixels": [9] * n, "mask": [0] * n}
            | {"unusable_fraction": [0.0] * n, "noise": [1.0] * n, "footprint": list(range(n))}
        ),
        "stamps": cut_triplets(x, y, 41, data, 0 * data, data, mask),
        "mapping": MAPPING,
        "photometry": PHOTOMETRY,
    }
    return made | changes


def run(given: dict[str, Any], **params: Any) -> StepResult:
    context = StepContext({}, None)
    return Measuring().run(given, MeasuringParams(**params), context)


def test_fluxes_are_calibrated_and_positions_on_the_sky() -> None:
    data = FLUX * gaussian(40.3, 70.8)
    row = run(inputs([40.0], [71.0], data)).outputs["measurements"]
    # 28.9 is 2.5 magnitudes brighter than 31.4: one electron is 10 nJy.
    assert row["flux"][0] == pytest.approx(10 * FLUX, rel=2e-3)
    assert row["aperture_flux"][0] == pytest.approx(10 * FLUX, rel=2e-3)
    assert row["magnitude"][0] == pytest.approx(28.9 - 2.5 * math.log10(FLUX), abs=2e-3)
    assert row["magnitude_error"][0] == pytest.approx(1.0857 / row["snr"][0], rel=1e-3)
    ra, dec = MAPPING.pixel_to_sky(40.3, 70.8)
    assert row["ra"][0] == pytest.approx(float(ra), abs=0.005 / 3600)
    assert row["dec"][0] == pytest.approx(float(dec), abs=0.005 / 3600)
    assert row["position_error_arcsec"][0] == pytest.approx(math.hypot(0.03, row["x_error"][0]), rel=0.02)
    assert row["new_flux"][0] == pytest.approx(0.94 * 10 * FLUX, rel=0.02)
    assert row["reference_flux"][0] == 0.0
    assert row["new_psf_flux"][0] == pytest.approx(10 * FLUX, rel=2e-3)
    assert row["reference_psf_flux"][0] == 0.0
    assert row["reference_psf_flux_error"][0] == pytest.approx(row["new_psf_flux_error"][0] / 2, rel=0.01)
    limit = 5 * row["flux_error"][0]
    assert row["limiting_magnitude"][0] == pytest.approx(31.4 - 2.5 * math.log10(limit), abs=1e-3)
    np.testing.assert_allclose(row["aperture_fluxes"][0], 10 * FLUX, rtol=3e-3)
    assert row["psf_like"][0]
    radii = row.meta.pop("aperture_radii")
    np.testing.assert_allclose(radii, np.array([0.5, 1.0, 1.5, 2.0]) * psf().fwhm)
    assert row.meta == {
        "calibrated": True,
        "flux_unit": "nJy",
        "sky_frame": "icrs",
        "zero_point": 28.9,
        "mjd": 61000.5,
        "filter": "r",
        "exposure_s": 60.0,
    }


def test_a_source_that_faded_has_negative_flux_and_the_same_shape() -> None:
    data = FLUX * gaussian(40.3, 70.8)
    brighter = run(inputs([40.0], [71.0], data)).outputs["measurements"]
    fainter = run(inputs([40.0], [71.0], -data)).outputs["measurements"]
    for name in ("flux", "aperture_flux", "snr"):
        np.testing.assert_allclose(fainter[name], -brighter[name], rtol=1e-6)
    for name in ("magnitude", "chi2", "width_ratio", "elongation", "dipole_fraction", "psf_like"):
        np.testing.assert_allclose(fainter[name], brighter[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "photometry", [None, PhotometricSolution(28.9, math.nan, math.nan, 0, "r", calibrated=False)]
)
def test_without_calibration_fluxes_stay_electrons(photometry: PhotometricSolution | None) -> None:
    given = inputs([40.0], [71.0], FLUX * gaussian(40.0, 71.0), photometry=photometry)
    table = run(given).outputs["measurements"]
    assert table["flux"][0] == pytest.approx(FLUX, rel=2e-3)
    assert np.isnan(table["magnitude"][0])
    assert np.isnan(table["magnitude_error"][0])
    assert table.meta["calibrated"] is False
    assert "zero_point" not in table.meta


def test_without_a_mapping_there_is_no_sky_position() -> None:
    table = run(inputs([40.0], [71.0], FLUX * gaussian(40.0, 71.0), mapping=None)).outputs["measurements"]
    for name in ("ra", "dec", "position_error_arcsec"):
        assert np.isnan(table[name][0])


def test_no_candidates_give_an_empty_table() -> None:
    result = run(inputs([], [], np.zeros(SHAPE)))
    table = result.outputs["measurements"]
    assert table.n_rows == 0
    assert set(MeasurementTable.COLUMNS) <= set(table)
    assert result.metrics == {"n_measurements": 0, "n_psf_like": 0, "n_deleted": 0}


def test_an_all_masked_candidate_has_no_flux() -> None:
    mask = np.full(SHAPE, MaskPlane.BAD, np.uint16)
    table = run(inputs([40.0], [71.0], FLUX * gaussian(40.0, 71.0), mask)).outputs["measurements"]
    assert np.isnan(table["flux"][0])
    assert np.isnan(table["magnitude"][0])
    assert not table["psf_like"][0]
    assert table["mask"][0] == MaskPlane.BAD
    assert table["n_bad"][0] > 100


def test_unusable_pixels_are_counted_and_left_out() -> None:
    data, mask = FLUX * gaussian(40.0, 71.0), np.zeros(SHAPE, np.uint16)
    data[71, 42], mask[71, 42] = np.nan, MaskPlane.COSMIC_RAY
    data[73, 40], mask[73, 40] = 1e6, MaskPlane.SATURATED
    mask[71, 40] = MaskPlane.SUSPECT
    table = run(inputs([40.0], [71.0], data, mask)).outputs["measurements"]
    assert table["n_bad"][0] == 2
    assert table["mask"][0] == MaskPlane.SUSPECT
    assert table["flux"][0] == pytest.approx(10 * FLUX, rel=2e-3)
    assert table["psf_like"][0]


@pytest.mark.parametrize(("x", "y"), [(0.0, 0.0), (99.3, 119.2), (50.0, -0.4)])
def test_candidates_at_the_edge_are_measured_with_what_is_there(x: float, y: float) -> None:
    table = run(inputs([x], [y], FLUX * gaussian(x, y))).outputs["measurements"]
    assert table["flux"][0] == pytest.approx(10 * FLUX, rel=0.01)
    assert table["n_bad"][0] > 0
    assert abs(table["edge_distance"][0]) < 1


def test_the_result_of_a_candidate_depends_neither_on_others_nor_on_chance() -> None:
    x, y = [20.0, 50.0, 80.0], [30.0, 60.0, 90.0]
    rng = np.random.default_rng(5)
    data = sum(FLUX * gaussian(*xy) for xy in zip(x, y, strict=True)) + rng.normal(0, NOISE, SHAPE)
    together = run(inputs(x, y, data)).outputs["measurements"]
    again = run(inputs(x, y, data)).outputs["measurements"]
    alone = run(inputs(x[1:2], y[1:2], data)).outputs["measurements"]
    assert alone["stamp"] == [0]
    for name in set(together) - {"stamp"}:
        np.testing.assert_array_equal(together[name], again[name])
        np.testing.assert_allclose(together[name][1:2], alone[name], rtol=1e-6, atol=1e-9)


def test_a_psf_without_width_is_refused() -> None:
    given = inputs([40.0], [71.0], np.zeros(SHAPE))
    difference = given["difference"]
    widthless = PsfModel(difference.psf.coefficients)
    given["difference"] = Difference(difference.data, difference.variance, difference.mask, widthless)
    with pytest.raises(ValueError, match="FWHM"):
        run(given)


def test_cuts_flag_and_delete() -> None:
    given = inputs([40.0, 60.0], [71.0, 30.0], FLUX * gaussian(40.0, 71.0) + FLUX * gaussian(60.0, 30.0))
    assert run(given).metrics["n_psf_like"] == 2
    flagged = run(given, cuts={"narrow": {"flag": 1.2}})
    assert flagged.metrics == {"n_measurements": 2, "n_psf_like": 0, "n_deleted": 0}
    deleted = run(given, cuts={"left": {"column": "x", "comparison": "below", "flag": 50, "delete": 50}})
    assert deleted.metrics == {"n_measurements": 1, "n_psf_like": 1, "n_deleted": 1}
    decisions, measurements = deleted.outputs["decisions"], deleted.outputs["measurements"]
    names = [test.name for test in decisions.tests]
    np.testing.assert_array_equal(decisions["row"], [-1, 0])
    np.testing.assert_array_equal(decisions["deleted"], [1 << names.index("left"), 0])
    np.testing.assert_array_equal(measurements["stamp"], [1])
    assert decisions["ra"][1] == measurements["ra"][0]
    assert measurements["x"][0] == pytest.approx(60.0, abs=0.05)
