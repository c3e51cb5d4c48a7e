from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from seechange_core.errors import StoreError
from seechange_core.frames import (
    MASK_MEANINGS,
    BackgroundModel,
    CalibrationFrame,
    CalibrationTable,
    ColumnTable,
    DetectionTable,
    Difference,
    Frame,
    PhotometricSolution,
    PsfModel,
    ScoreTable,
    SkyMapping,
    Stamps,
    StarTable,
)
from seechange_core.store.formats.background import background_bytes, read_background
from seechange_core.store.formats.calibration import calibration_bytes, read_calibration
from seechange_core.store.formats.difference import difference_bytes, read_difference
from seechange_core.store.formats.documents import (
    mapping_document,
    mapping_from_document,
    photometry_document,
    photometry_from_document,
)
from seechange_core.store.formats.frame import (
    frame_bytes,
    read_frame,
)
from seechange_core.store.formats.psf import psf_bytes, read_psf
from seechange_core.store.formats.stamps import read_stamps, stamps_bytes
from seechange_core.store.formats.tables import read_table, table_bytes

NOISE_ELECTRON = 18.0


def make_frame(shape: tuple[int, int] = (300, 200), **changes: Any) -> Frame:
    random = np.random.default_rng(5)
    data = random.normal(300.0, NOISE_ELECTRON, shape).astype(np.float32)
    variance = np.full(shape, NOISE_ELECTRON**2, np.float32)
    mask = random.integers(0, 2**11, shape).astype(np.uint16)
    return Frame(data, variance, mask).replaced(**changes)


def make_psf() -> PsfModel:
    coefficients = np.random.default_rng(6).normal(size=(3, 9, 9)).astype(np.float32)
    return PsfModel(coefficients, 1, 100.5, 1 / 3, 99.0, 1e-7, 1.0, 2.7, 31)


def written(folder: Path, content: bytes) -> Path:
    path = folder / "product.fits"
    path.write_bytes(content)
    return path


def test_rounding_adds_less_than_a_thousandth_to_the_noise(tmp_path: Path) -> None:
    frame = make_frame((1024, 1024))
    difference = read_frame(written(tmp_path, frame_bytes(frame))).data - frame.data
    # Uniform over a step of an eighth of the noise, whatever the pixel's value.
    assert np.abs(difference).max() <= NOISE_ELECTRON / 16 * 1.001
    assert difference.std() == pytest.approx(NOISE_ELECTRON / 8 / 12**0.5, rel=0.01)
    assert abs(difference.mean()) < 5 * difference.std() / 1024
    assert abs(np.corrcoef(difference.ravel(), frame.data.ravel())[0, 1]) < 5 / 1024
    assert np.sqrt(1 + (difference.std() / NOISE_ELECTRON) ** 2) < 1.001


def test_variance_keeps_a_thousandth_and_mask_everything(tmp_path: Path) -> None:
    gradient = np.linspace(200.0, 5000.0, 300 * 200, dtype=np.float32).reshape(300, 200)
    frame = make_frame(variance=gradient)
    again = read_frame(written(tmp_path, frame_bytes(frame)))
    # Half a step of 1/512 of what 5 per cent of the pixels are below.
    level = np.percentile(gradient, 5)
    np.testing.assert_allclose(again.variance, frame.variance, rtol=0, atol=1.01 * level / 1024)
    np.testing.assert_array_equal(again.mask, frame.mask)


def test_frame_arrays_are_native_and_contiguous(tmp_path: Path) -> None:
    again = read_frame(written(tmp_path, frame_bytes(make_frame())))
    for plane, dtype in ((again.data, np.float32), (again.variance, np.float32), (again.mask, np.uint16)):
        assert plane.dtype == dtype
        assert plane.dtype.isnative
        assert plane.flags.c_contiguous


def test_pixels_without_a_value_come_back_as_nan(tmp_path: Path) -> None:
    frame = make_frame()
    data, variance = frame.data.copy(), frame.variance.copy()
    data[5:9] = np.nan
    data[0, 0] = np.inf
    variance[7] = np.inf
    again = read_frame(written(tmp_path, frame_bytes(frame.replaced(data=data, variance=variance))))
    np.testing.assert_array_equal(np.isnan(again.data), ~np.isfinite(data))
    np.testing.assert_array_equal(np.isnan(again.variance), ~np.isfinite(variance))


@pytest.mark.parametrize("value", [np.nan, 0.0])
def test_frame_without_any_variance_is_kept(tmp_path: Path, value: float) -> None:
    frame = make_frame(variance=np.full((300, 200), value, np.float32))
    again = read_frame(written(tmp_path, frame_bytes(frame)))
    np.testing.assert_array_equal(again.variance, frame.variance)
    np.testing.assert_array_equal(again.data, frame.data)


def test_headers_keep_what_fits_cannot_express(tmp_path: Path) -> None:
    header = {
        "SIMPLE": True,
        "NAXIS1": 4,
        "EXTNAME": "N3",
        "CRVAL1": 1 / 3,
        "OBJECT": "Große Wolke\n",
        "a key that is long": 1,
        "LONGTEXT": "word " * 60,
        "MISSING": None,
        "NOTANUM": float("nan"),
        "MASK0": "another camera's",
    }
    info = {"mjd": np.float64(60000.123456789), "section": "N3", "list": (1, 2)}
    frame = make_frame(info=info, header=header, noise_ratio=0.93)
    path = written(tmp_path, frame_bytes(frame))
    again = read_frame(path)
    np.testing.assert_equal(dict(again.header), header)
    assert list(again.header) == list(header)
    assert again.info == {"mjd": 60000.123456789, "section": "N3", "list": [1, 2]}
    assert again.noise_ratio == 0.93
    with fits.open(path) as hdus:
        assert hdus["IMAGE"].header["CRVAL1"] == pytest.approx(1 / 3)
        assert hdus["IMAGE"].header["BUNIT"] == "electron"
        assert "OBJECT" not in hdus["IMAGE"].header


def test_mask_planes_are_explained(tmp_path: Path) -> None:
    with fits.open(written(tmp_path, frame_bytes(make_frame()))) as hdus:
        header = hdus["MASK"].header
        for plane, meaning in MASK_MEANINGS.items():
            keyword = f"MASK{int(plane).bit_length() - 1}"
            assert (header[keyword], header.comments[keyword]) == (plane.name, meaning)


def test_same_frame_gives_same_bytes() -> None:
    header = {"DATE-OBS": "2026-01-01", "OBJECT": "field"}
    assert frame_bytes(make_frame(header=header)) == frame_bytes(make_frame(header=header))


def test_table_keeps_types_units_text_and_meta(tmp_path: Path) -> None:
    columns = {
        "id": ["Gaia 1", "Größe"],
        "ra": [1 / 3, 359.9],
        "dec": [-90.0, 90.0],
        "ra_error": [1, 2],
        "dec_error": [np.nan, 2],
        "mag_g": np.array([12.5, 13.5], np.float32),
        "colours": np.arange(6.0).reshape(2, 3),
        "flags": np.array([65535, 0], np.uint16),
        "good": [True, False],
        "count": np.array([-1, 2**40]),
    }
    table = StarTable(columns, {"epoch_mjd": 57388.0, "system": {"g": "vega"}, "limit": float("nan")})
    path = written(tmp_path, table_bytes(table))
    again = read_table(path, StarTable)
    assert list(again) == list(table)
    for name, values in table.items():
        np.testing.assert_array_equal(again[name], values)
        assert again[name].dtype == values.dtype
    np.testing.assert_equal(again.meta, table.meta)
    with fits.open(path) as hdus:
        assert hdus["TABLE"].columns["ra"].unit == "deg"
        assert hdus["TABLE"].header["TCOMM2"] == "right ascension at the epoch"
    assert table_bytes(again) == path.read_bytes()


@pytest.mark.parametrize("kind", [DetectionTable, StarTable, ScoreTable])
def test_table_without_rows(tmp_path: Path, kind: Any) -> None:
    again = read_table(written(tmp_path, table_bytes(kind.empty())), kind)
    assert (again.n_rows, list(again)) == (0, list(kind.COLUMNS))


def test_table_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, table_bytes(DetectionTable.empty()))
    with pytest.raises(StoreError, match=r"product.fits.*DetectionTable, not a StarTable"):
        read_table(path, StarTable)


def test_psf_is_exact(tmp_path: Path) -> None:
    psf = make_psf()
    again = read_psf(written(tmp_path, psf_bytes(psf)))
    np.testing.assert_array_equal(again.coefficients, psf.coefficients)
    assert (again.x_zero, again.y_zero, again.y_scale, again.n_stars) == (100.5, 1 / 3, 1e-7, 31)


def test_background_is_exact(tmp_path: Path) -> None:
    level = np.arange(6, dtype=np.float32).reshape(2, 3)
    background = BackgroundModel(level, level + 1, (64, 32), (128, 96), 2.5, np.float32(3.5))
    again = read_background(written(tmp_path, background_bytes(background)))
    np.testing.assert_array_equal(again.level, level)
    np.testing.assert_array_equal(again.rms, level + 1)
    assert (again.box, again.shape, again.mean_electron, again.rms_electron) == (
        (64, 32),
        (128, 96),
        2.5,
        3.5,
    )


@pytest.mark.parametrize("n_candidates", [0, 1, 3])
def test_stamps_are_exact(tmp_path: Path, n_candidates: int) -> None:
    random = np.random.default_rng(7)
    cubes = [random.normal(size=(n_candidates, 11, 11)).astype(np.float32) for _ in range(3)]
    for cube in cubes:
        cube[:, 0] = np.nan
    positions = random.uniform(0, 100, (2, n_candidates))
    corners = np.arange(n_candidates, dtype=np.int32) - 1
    mask = random.integers(0, 2**16, (n_candidates, 11, 11)).astype(np.uint16)
    stamps = Stamps(*positions, corners, corners, *cubes, mask, -cubes[0])
    assert read_stamps(written(tmp_path, stamps_bytes(replace(stamps, score=None)))).score is None
    again = read_stamps(written(tmp_path, stamps_bytes(stamps)))
    for name in Stamps.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(again, name), getattr(stamps, name))
        assert getattr(again, name).dtype == getattr(stamps, name).dtype


@pytest.mark.parametrize("with_flux", [False, True])
def test_difference_has_what_the_subtraction_returned(tmp_path: Path, with_flux: bool) -> None:
    frame = make_frame()
    score = np.random.default_rng(8).normal(size=frame.shape).astype(np.float32)
    flux = {"score": score, "flux_error": np.full_like(score, 30.0)} if with_flux else {}
    motion = {"translient": np.abs(score)} if with_flux else {}
    difference = Difference(
        frame.data - 300, frame.variance, frame.mask, make_psf(), metrics={"ratio": 1 / 3}, **flux, **motion
    )
    if with_flux:
        difference = replace(difference, ref_psf=replace(make_psf(), fwhm=3.25))
    again = read_difference(written(tmp_path, difference_bytes(difference)))
    np.testing.assert_array_equal(again.psf.coefficients, difference.psf.coefficients)
    np.testing.assert_array_equal(again.mask, difference.mask)
    assert again.metrics == {"ratio": 1 / 3}
    assert (again.ref_psf and again.ref_psf.sha256) == (difference.ref_psf and difference.ref_psf.sha256)
    for name in ("score", "flux", "flux_error", "translient"):
        assert (getattr(again, name) is not None) == with_flux
    if with_flux:
        # A sixteenth of the noise is the largest rounding error.
        np.testing.assert_allclose(again.score, score, rtol=0, atol=1.001 / 16)
        np.testing.assert_allclose(again.translient, np.abs(score), rtol=0, atol=1.001 / 16)
        np.testing.assert_allclose(again.flux, score * 30, rtol=1e-3, atol=30 * 1.001 / 16)
        np.testing.assert_allclose(again.flux_error, 30.0, rtol=1e-3)


@pytest.mark.parametrize("masked", [False, True])
def test_calibration_frame_is_exact(tmp_path: Path, masked: bool) -> None:
    frame = make_frame()
    flat = CalibrationFrame("flat", frame.data / 300, "identity", frame.mask if masked else None, 1 / 3)
    again = read_calibration(written(tmp_path, calibration_bytes(flat)))
    assert isinstance(again, CalibrationFrame)
    assert again.noise == flat.noise
    np.testing.assert_array_equal(again.data, flat.data)
    assert (again.kind, again.product_id, again.mask is not None) == ("flat", "identity", masked)


def test_solutions_are_exact_documents() -> None:
    mapping = SkyMapping((1 / 3, -89.9), (10.5, 1e-9), np.eye(2) / 3, np.ones((3, 3)) / 7, pv1=(0.0, 1.0))
    again = mapping_from_document(mapping_document(mapping))
    np.testing.assert_equal(mapping_document(again), mapping_document(mapping))
    assert np.isnan(again.rms_mas)
    np.testing.assert_array_equal(again.sip_a, mapping.sip_a)
    assert (again.crval, again.crpix, again.pv1) == (mapping.crval, mapping.crpix, mapping.pv1)
    solution = PhotometricSolution(27.1, float("nan"), 0.02, 3, "r", calibrated=False)
    np.testing.assert_equal(asdict(photometry_from_document(photometry_document(solution))), asdict(solution))


@pytest.mark.parametrize("part", [0.0, 0.3, 0.6, 0.9, 0.999])
def test_truncated_file_is_named(tmp_path: Path, part: float) -> None:
    content = frame_bytes(make_frame())
    path = written(tmp_path, content[: int(len(content) * part)])
    with pytest.raises(StoreError, match=r"product\.fits"):
        read_frame(path)


def test_damaged_file_is_named(tmp_path: Path) -> None:
    content = bytearray(frame_bytes(make_frame()))
    for position in range(0, len(content), 500):
        content[position] ^= 0x5A
    with pytest.raises(StoreError, match=r"product\.fits"):
        read_frame(written(tmp_path, bytes(content)))


def test_missing_file_and_other_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nowhere\.fits: there is no such file"):
        read_frame(tmp_path / "nowhere.fits")
    path = written(tmp_path, psf_bytes(make_psf()))
    with pytest.raises(StoreError, match="no extension"):
        read_frame(path)


def test_calibration_table_is_exact(tmp_path: Path) -> None:
    table = ColumnTable({"amplifier": ["A", "B"], "knots": np.arange(6.0).reshape(2, 3) / 7}, {"from": "x"})
    written_table = CalibrationTable("linearity", table, "identity")
    again = read_calibration(written(tmp_path, calibration_bytes(written_table)))
    assert isinstance(again, CalibrationTable)
    assert (again.kind, again.product_id, again.table.meta) == ("linearity", "identity", {"from": "x"})
    assert again.table["amplifier"].tolist() == ["A", "B"]
    np.testing.assert_array_equal(again.table["knots"], table["knots"])
