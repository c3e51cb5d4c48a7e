"""Calibrated images from anywhere, as the profile describes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from pydantic import ValidationError

from seechange_core.api import InputError
from seechange_core.builtin.fits_images import FitsImages
from seechange_core.errors import ProfileError
from seechange_core.frames import MaskPlane
from seechange_core.pipeline import process_schemas
from seechange_core.profile import load_profile
from seechange_core.registry import Registry

SHAPE = (30, 40)
PIXELS = np.arange(1200, dtype=np.float32).reshape(SHAPE)
CARDS = {
    "DATE-OBS": "2026-01-31T06:00:00",
    "EXPTIME": 120.0,
    "FILTER": "i",
    "GAIN": 1.6,
    "RDNOISE": 5.5,
    "SATURATE": 40000.0,
}
WCS = {
    "CTYPE1": "RA---TAN",
    "CTYPE2": "DEC--TAN",
    "CRVAL1": 150.0,
    "CRVAL2": 2.0,
    "CRPIX1": 20.5,
    "CRPIX2": 15.5,
    "CD1_1": -1e-4,
    "CD2_2": 1e-4,
}
MIDDLE_MJD = 61071.25 + 60.0 / 86400.0


def write(path: Path, cards: dict[str, Any] | None = None, **planes: np.ndarray) -> Path:
    header = fits.Header(CARDS | WCS if cards is None else cards)
    extensions = [fits.ImageHDU(plane, name=name) for name, plane in planes.items()]
    fits.HDUList([fits.PrimaryHDU(PIXELS, header), *extensions]).writeto(path, overwrite=True)
    return path


def instrument(**params: Any) -> FitsImages:
    return FitsImages(FitsImages.Params(**params))


def test_header_and_pixels(tmp_path: Path) -> None:
    path = write(tmp_path / "a.fits")
    camera = instrument()
    header = camera.read_header([path])
    assert header.mjd == pytest.approx(MIDDLE_MJD, abs=1e-8)
    assert (header.exposure_s, header.filter, header.sections) == (120.0, "i", ("image",))
    assert (header.kind, header.processing) == ("science", "calibrated")
    assert (header.ra_deg, header.dec_deg) == pytest.approx((150.0, 2.0))
    section = camera.read([path], "image")
    assert section.calibrated
    assert section.unit == "adu"
    assert np.array_equal(section.data, PIXELS)
    (amplifier,) = section.amplifiers
    assert (amplifier.gain, amplifier.read_noise_electron, amplifier.saturation_adu) == (1.6, 5.5, 40000.0)
    mapping = camera.first_mapping(section.header, section.info)
    assert mapping is not None
    assert mapping.crpix == (19.5, 14.5)


def test_constants_stand_in_for_keywords(tmp_path: Path) -> None:
    path = write(tmp_path / "a.fits", {"MJD-MID": 60000.5})
    camera = instrument(
        time_keyword="MJD-MID",
        time_format="mjd",
        time_is="middle",
        exposure_s=30,
        filter="r",
        gain=2.0,
        read_noise_electron=4.0,
        saturation=1000.0,
        unit="electron",
        per_second=True,
    )
    assert camera.read_header([path]).mjd == 60000.5
    section = camera.read([path], "image")
    assert np.array_equal(section.data, PIXELS * 30)
    assert section.amplifiers[0].saturation_adu * section.amplifiers[0].gain == pytest.approx(30000.0)
    assert camera.first_mapping(section.header, section.info) is None


@pytest.mark.parametrize(
    ("kind", "value", "variance"),
    [("variance", 4.0, 4.0), ("inverse_variance", 4.0, 0.25), ("relative", 4.0, None)],
)
def test_weight_map(tmp_path: Path, kind: str, value: float, variance: float | None) -> None:
    weight = np.full(SHAPE, value, np.float32)
    weight[2, 3] = 0
    path = write(tmp_path / "a.fits", WEIGHT=weight)
    section = instrument(weight_extension="WEIGHT", weight_type=kind).read([path], "image")
    assert section.mask is not None
    assert np.argwhere(section.mask).tolist() == [[2, 3]]
    if variance is None:
        assert section.variance is None
    else:
        assert section.variance is not None
        assert section.variance[0, 0] == variance


def test_planes_in_files_of_their_own(tmp_path: Path) -> None:
    path = write(tmp_path / "a.fits")
    flags = np.zeros(SHAPE, np.int16)
    flags[1, 1], flags[2, 2], flags[3, 3] = 1, 2, 4
    fits.PrimaryHDU(flags).writeto(tmp_path / "a.mask.fits")
    fits.PrimaryHDU(np.ones(SHAPE, np.float32)).writeto(tmp_path / "a.weight.fits")
    camera = instrument(
        weight_file="{stem}.weight.fits",
        mask_file="{stem}.mask.fits",
        mask_bits={"saturated": 2, "cosmic_ray": 4},
    )
    files = camera.files_of(path)
    assert [file.name for file in files] == ["a.fits", "a.weight.fits", "a.mask.fits"]
    mask = camera.read(files, "image").mask
    assert mask is not None
    assert mask[1, 1] == 0
    assert (mask[2, 2], mask[3, 3]) == (MaskPlane.SATURATED, MaskPlane.COSMIC_RAY)
    files[2].unlink()
    with pytest.raises(InputError, match=r"a\.mask\.fits is missing"):
        camera.files_of(path)


def test_mask_without_named_bits_hides_all_that_is_not_zero(tmp_path: Path) -> None:
    flags = np.zeros(SHAPE, np.int32)
    flags[1, 1] = 64
    mask = instrument(mask_extension="DQ").read([write(tmp_path / "a.fits", DQ=flags)], "image").mask
    assert mask is not None
    assert np.argwhere(mask == MaskPlane.BAD).tolist() == [[1, 1]]


def test_unknown_plane_is_refused() -> None:
    with pytest.raises(ValidationError, match="no mask plane is called hot"):
        instrument(mask_bits={"hot": 1})


@pytest.mark.parametrize("key", ["weight_file", "mask_file"])
@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("w_{base}.fits", r"no placeholder is called \{base\}; there are \{stem\} and \{name\}"),
        ("w_{}_{0}.fits", r"no placeholder is called \{\} and \{0\}; there are"),
        ("w_{stem.fits", "expected '}'"),
    ],
)
def test_pattern_that_cannot_be_filled_is_refused_with_the_profile(key: str, pattern: str, told: str) -> None:
    assignment = f"instrument.fits.{key}={pattern}"
    with pytest.raises(ProfileError, match=rf"instrument\.fits\.{key}: {told}"):
        load_profile(
            Registry(), process_schemas(), instrument="fits", assignments=[assignment], environment={}
        )


@pytest.mark.parametrize("keyword", sorted(CARDS))
def test_missing_keyword_is_named_with_the_file(tmp_path: Path, keyword: str) -> None:
    path = write(tmp_path / "a.fits", {key: value for key, value in CARDS.items() if key != keyword})
    with pytest.raises(InputError, match=rf"a\.fits: keyword {keyword} is missing"):
        instrument().read([path], "image")


@pytest.mark.parametrize("value", ["yesterday", "2026-01-31"])
def test_time_that_is_none(tmp_path: Path, value: str) -> None:
    path = write(tmp_path / "a.fits", CARDS | {"DATE-OBS": value})
    with pytest.raises(InputError, match=rf"DATE-OBS is '{value}'.*time_format"):
        instrument().read_header([path])


def test_weight_map_of_another_shape(tmp_path: Path) -> None:
    path = write(tmp_path / "a.fits", WEIGHT=np.ones((3, 3), np.float32))
    with pytest.raises(InputError, match=r"shape \(3, 3\)"):
        instrument(weight_extension="WEIGHT").read([path], "image")


@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.7])
def test_truncated_file(tmp_path: Path, fraction: float) -> None:
    path = write(tmp_path / "a.fits")
    path.write_bytes(path.read_bytes()[: int(fraction * path.stat().st_size)])
    with pytest.raises(InputError, match=r"a\.fits"):
        instrument().read([path], "image")


def test_recognises_by_pattern() -> None:
    camera = instrument(file_pattern="night*.fit")
    assert camera.recognises(Path("x/night1.fit"))
    assert not camera.recognises(Path("x/day1.fit"))


@pytest.mark.parametrize(
    ("keyword", "advice"),
    [
        ("DATE-OBS", "set instrument.fits.time_keyword"),
        ("FILTER", "set instrument.fits.filter_keyword or instrument.fits.filter"),
        ("EXPTIME", "set instrument.fits.exposure_keyword or instrument.fits.exposure_s"),
    ],
)
def test_missing_keyword_is_named_with_the_parameter_that_helps(
    tmp_path: Path, keyword: str, advice: str
) -> None:
    path = write(tmp_path / "a.fits", {name: value for name, value in CARDS.items() if name != keyword})
    with pytest.raises(InputError, match=rf"keyword {keyword} is missing or empty; {advice}$"):
        instrument().read_header([path])
