"""Neighbours that are not detected on their own do not spoil the PSF, not even those of the brightest stars."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from seechange_core.builtin.psf_pixelgrid import PixelGridPsf
from seechange_core.frames import Floats, Frame, SourceTable
from seechange_core.imaging.psf.hidden_neighbours import hidden_neighbours
from seechange_core.imaging.psf.pixel_grid_psf import cut_stars, gaussian_psf

SIDE = 512
FWHM = 4.5
VARIANCE = 900.0
BRIGHT = 1e6

Record = Callable[[str, float, str], None]


def star_light(x: Floats, y: Floats, flux: Floats) -> NDArray[np.float64]:
    """Moffat stars of beta 3.5."""
    row, column = np.mgrid[:SIDE, :SIDE]
    width = FWHM / 2 / np.sqrt(2 ** (1 / 3.5) - 1)
    light = np.zeros((SIDE, SIDE))
    for at_x, at_y, total in zip(x, y, flux, strict=True):
        profile = (1 + ((column - at_x) ** 2 + (row - at_y) ** 2) / width**2) ** -3.5
        light += total * 2.5 / (np.pi * width**2) * profile
    return light


def scene(seed: int, neighbour: float) -> tuple[Frame, SourceTable, Floats]:
    """60 stars on a grid, of which the two brightest have a neighbour at 2.4 FWHM that is in no list.

    Its flux is a part of theirs.
    """
    rng = np.random.default_rng(seed)
    column, row = (grid.ravel()[:60] for grid in np.meshgrid(np.arange(8), np.arange(8)))
    x, y = (40.0 + 60.0 * at + rng.uniform(-3, 3, 60) for at in (column, row))
    flux = np.sort(10 ** rng.uniform(4.0, 5.0, 60))[::-1]
    flux[:2] = BRIGHT
    hidden_x, hidden_y = x[:2] + 2.4 * FWHM * np.array([0.6, -1.0]), y[:2] + 2.4 * FWHM * np.array([0.8, 0.0])
    light = star_light(
        np.append(x, hidden_x), np.append(y, hidden_y), np.append(flux, np.full(2, neighbour * BRIGHT))
    )
    variance = (VARIANCE + light).astype(np.float32)
    data = light + rng.normal(size=light.shape) * np.sqrt(variance)
    image = Frame(data.astype(np.float32), variance, np.zeros(light.shape, np.uint16))
    sigma = np.full(60, FWHM / 2.3548)
    columns = dict.fromkeys(SourceTable.COLUMNS, np.zeros(60))
    columns |= {"x": x, "y": y, "flux": flux, "snr": flux / 300.0, "a": sigma, "b": sigma}
    columns |= {"mask": np.zeros(60, np.uint16)}
    return image, SourceTable(columns), np.stack([hidden_x, hidden_y], axis=1)


def test_they_are_found(seed: int) -> None:
    image, sources, hidden = scene(seed, 0.035)
    x, y, flux = (sources[name][:10] for name in ("x", "y", "flux"))
    stars = cut_stars(image.data, image.variance, np.zeros(image.shape, bool), x, y, flux, 31)
    found = hidden_neighbours(stars, gaussian_psf(image.shape, 31, FWHM))
    assert len(found) == 2
    assert np.abs(found - hidden).max() < 1.0


def test_the_psf_is_as_without_them(seed: int, record_figure: Record) -> None:
    beside, alone = (PixelGridPsf().measure(*scene(seed, part)[:2], None)[0] for part in (0.035, 0.0))
    assert beside.size == alone.size
    half = alone.size // 2
    inside = np.hypot(*np.mgrid[-half : half + 1, -half : half + 1]) < 1.5 * FWHM
    core, without = (psf.centred(psf.x_zero, psf.y_zero)[inside].sum() for psf in (beside, alone))
    record_figure("psf_core_beside_hidden_neighbours", 100 * (core / without - 1), "%")
    # Without the look for neighbours it is up to 0.0034 (seed 4).
    assert abs(core / without - 1) < 3e-4
