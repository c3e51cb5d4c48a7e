"""Pieces of planes are exactly what reading whole files gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seechange_core.errors import StoreError
from seechange_core.frames import Difference, MaskPlane, PsfModel
from seechange_core.store.formats.difference import difference_bytes, read_difference
from seechange_core.store.formats.source_pixels import read_around

SHAPE = (150, 90)
#: In the middle, across two tiles of 64 rows, in corners, at a pixel that is not finite, and off the image.
PLACES = [(40.3, 30.2), (50.0, 63.6), (0.0, 0.0), (89.2, 149.1), (20.4, 140.0), (60.0, 100.0), (300.0, 20.0)]


@pytest.fixture(scope="module")
def written() -> Difference:
    rng = np.random.default_rng(5)
    coefficients = np.zeros((3, 21, 21), np.float32)
    coefficients[0] = np.exp(-(((np.indices((21, 21)) - 10) ** 2).sum(axis=0)) / 8.0)
    coefficients[1:] = 0.01 * rng.normal(size=(2, 21, 21))
    data = rng.normal(0.0, 30.0, SHAPE) + 1e5 * np.exp(-(((np.indices(SHAPE) - 40) ** 2).sum(axis=0)) / 20.0)
    data[100, 60] = np.nan
    mask = rng.choice(np.array([0, 1, 512, 1025], np.uint16), SHAPE, p=[0.97, 0.01, 0.01, 0.01])
    variance = 900.0 + np.abs(data.astype(np.float32))
    psf = PsfModel(coefficients, degree=1, x_zero=45.0, y_zero=75.0, x_scale=45.0, y_scale=75.0, fwhm=4.7)
    return Difference(data.astype(np.float32), variance.astype(np.float32), mask, psf, metrics={"a": 1.5})


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("quiet", [False, True])
def test_pixels_are_those_of_the_whole_file(
    written: Difference, place: tuple[float, float], quiet: bool, tmp_path: Path
) -> None:
    """Planes without noise are not rounded, and compressed in another way."""
    difference = (
        replace(written, data=0.0 * written.data, variance=0.0 * written.variance) if quiet else written
    )
    path = tmp_path / "difference.fits"
    path.write_bytes(difference_bytes(difference))
    whole = read_difference(path)
    found = read_around(path, *place, 2.0)
    size = found.data.shape[0]
    assert size == 2 * 10 + 1
    row, column = (int(np.floor(value + 0.5)) + np.arange(size) - size // 2 for value in place[::-1])
    on_image = np.ix_((row >= 0) & (row < SHAPE[0]), (column >= 0) & (column < SHAPE[1]))
    box = np.ix_(row[(row >= 0) & (row < SHAPE[0])], column[(column >= 0) & (column < SHAPE[1])])
    for own, all_of_it in (
        (found.data, whole.data),
        (found.variance, whole.variance),
        (found.mask, whole.mask),
    ):
        np.testing.assert_array_equal(own[on_image], all_of_it[box])
    off_image = np.ones((size, size), bool)
    off_image[on_image] = False
    assert np.all(found.mask[off_image] == MaskPlane.NO_DATA)
    assert np.isnan(found.data[off_image]).all()
    np.testing.assert_allclose(found.profile, whole.psf.stamp(*place, size), rtol=0, atol=1e-12)


def test_truncated_file_is_an_error(written: Difference, tmp_path: Path) -> None:
    path = tmp_path / "difference.fits"
    content = difference_bytes(written)
    for length in (len(content) // 3, 5000, 100):
        path.write_bytes(content[:length])
        with pytest.raises(StoreError, match="damaged or truncated"):
            read_around(path, 40.0, 140.0, 2.0)
    with pytest.raises(StoreError):
        read_around(tmp_path / "none.fits", 40.0, 30.0, 2.0)
