"""Broken FITS files give errors that name file, extension and keyword."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from seechange_core.api.fits_files import read_cards, read_pixels, require, require_number
from seechange_core.errors import InputError

PIXELS = np.random.default_rng(3).integers(0, 60000, (200, 300)).astype(np.uint16)


def write(path: Path, *, compressed: bool = False) -> Path:
    image = fits.CompImageHDU if compressed else fits.ImageHDU
    extensions = [image(PIXELS, name="A1"), image(PIXELS + 1, name="A2")]
    fits.HDUList([fits.PrimaryHDU(), *extensions]).writeto(path)
    return path


@pytest.mark.parametrize("compressed", [False, True])
def test_unsigned_integers_come_back_exactly(tmp_path: Path, compressed: bool) -> None:
    path = write(tmp_path / "a.fits", compressed=compressed)
    pixels = read_pixels(path, "A2")
    assert pixels.dtype == np.float32
    assert np.array_equal(pixels, PIXELS + 1)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("fraction", [0.0, 0.01, 0.6, 0.95])
def test_truncated_file(tmp_path: Path, fraction: float, compressed: bool) -> None:
    path = write(tmp_path / "a.fits", compressed=compressed)
    content = path.read_bytes()
    path.write_bytes(content[: int(fraction * len(content))])
    with pytest.raises(InputError, match=r"a\.fits"):
        read_pixels(path, "A2")


def test_intact_extension_of_a_truncated_file_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.fits")
    content = path.read_bytes()
    path.write_bytes(content[: int(0.7 * len(content))])
    assert np.array_equal(read_pixels(path, "A1"), PIXELS)


def test_not_fits(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    path.write_text("no FITS at all" * 1000)
    with pytest.raises(InputError, match=r"a\.fits cannot be read as FITS"):
        read_cards(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_cards(tmp_path / "none.fits")


def test_missing_extension_lists_those_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no extension 'A3'.*A1, A2"):
        read_pixels(write(tmp_path / "a.fits"), "A3")


def test_extension_without_image(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no pixels"):
        read_pixels(write(tmp_path / "a.fits"), 0)


@pytest.mark.parametrize("value", [None, "", "  ", "abc", float("nan"), float("inf")])
def test_keyword_without_a_number(value: object) -> None:
    with pytest.raises(InputError, match=r"a\.fits: keyword EXPTIME"):
        require_number({"EXPTIME": value}, "EXPTIME", "a.fits")


def test_keyword() -> None:
    assert require_number({"EXPTIME": "30"}, "EXPTIME", "a.fits") == 30.0
    assert require({"FILTER": "r"}, "FILTER", "a.fits") == "r"
