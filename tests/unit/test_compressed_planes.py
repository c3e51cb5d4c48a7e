"""Compressed planes hold what they are to hold, and other programs read the same from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from seechange_core.errors import StoreError
from seechange_core.store.formats.compressed_plane import exact_plane, rounded_plane
from seechange_core.store.formats.document import compressed_plane, fits_bytes, opened

STEP = 0.5


def written(folder: Path, hdu: Any) -> Path:
    path = folder / "plane.fits"
    path.write_bytes(fits_bytes([hdu], {}))
    return path


def read_back(path: Path) -> np.ndarray:
    with opened(path) as hdus:
        return compressed_plane(hdus, "PLANE", path)


def noise(shape: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(1).normal(100.0, 4.0, shape).astype(np.float32)


def with_holes(shape: tuple[int, int]) -> np.ndarray:
    plane = noise(shape)
    plane[::3, 5], plane[10], plane[-1, :7] = np.nan, np.inf, -np.inf
    return plane


def with_stars(shape: tuple[int, int]) -> np.ndarray:
    plane = noise(shape)
    plane[::5, ::7] = np.random.default_rng(2).uniform(-1e7, 1e7, plane[::5, ::7].shape)
    return plane


PLANES = {
    "noise": noise((130, 70)),
    "less than a tile": noise((3, 33)),
    "one pixel": noise((1, 1)),
    "holes": with_holes((130, 70)),
    "only holes": np.full((70, 9), np.nan, np.float32),
    "stars": with_stars((200, 61)),
    "constant": np.full((90, 50), 7.25, np.float32),
}


@pytest.mark.parametrize("dithered", [True, False])
@pytest.mark.parametrize("name", sorted(PLANES))
def test_rounding_is_at_most_half_a_step(tmp_path: Path, name: str, dithered: bool) -> None:
    plane = PLANES[name]
    path = written(tmp_path, rounded_plane("PLANE", plane, STEP, dithered=dithered))
    found = read_back(path)
    finite = np.isfinite(plane)
    np.testing.assert_array_equal(np.isfinite(found), finite)
    # Single precision adds its own rounding to large numbers.
    np.testing.assert_allclose(found[finite], plane[finite], rtol=1e-7, atol=1.0001 * STEP / 2)
    np.testing.assert_array_equal(fits.getdata(path, "PLANE"), found)


@pytest.mark.parametrize("span", [1, 2, 300, 2**16])
def test_integers_are_exact(tmp_path: Path, span: int) -> None:
    plane = np.random.default_rng(3).integers(0, span, (150, 37)).astype(np.uint16)
    plane[20:90] = 0
    path = written(tmp_path, exact_plane("PLANE", plane))
    np.testing.assert_array_equal(read_back(path), plane)
    np.testing.assert_array_equal(fits.getdata(path, "PLANE"), plane)


def test_noise_takes_few_bits(tmp_path: Path) -> None:
    """Of an eighth of the noise: log2(8 sqrt(2 pi e)) is 5.05 bits, and Rice codes need up to half a bit more."""
    plane = noise((512, 512))
    size = written(tmp_path, rounded_plane("PLANE", plane, 4.0 / 8, dithered=True)).stat().st_size
    assert 8 * size / plane.size < 6.5


def test_too_many_steps_are_not_rounded() -> None:
    assert rounded_plane("PLANE", np.array([[0.0, 1e30]], np.float32), STEP, dithered=True) is None


def test_damaged_code_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path, rounded_plane("PLANE", PLANES["noise"], STEP, dithered=True))
    with opened(path) as hdus:
        start = hdus["PLANE"].fileinfo()["datLoc"]
    content = bytearray(path.read_bytes())
    # The bytes of a tile's code are as many as its first column says.
    content[start : start + 4] = (40).to_bytes(4, "big")
    path.write_bytes(content)
    with pytest.raises(StoreError, match="cut off"):
        read_back(path)
