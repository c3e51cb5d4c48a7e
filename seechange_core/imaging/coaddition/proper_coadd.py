"""The coadd that keeps all the information of the images on sources of constant flux.

Zackay & Ofek (2017), ApJ 836, 188: with images M of PSFs P, sky variances V and transparencies 1 (they are of one flux
scale), in Fourier space ``R = sum_j conj(P_j) M_j / V_j / sqrt(sum_j |P_j|^2 / V_j)`` has white noise, and its PSF is
``sqrt(sum_j |P_j|^2 / V_j)``, up to a constant (eqs. 7, 10).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft2, next_fast_len, rfft2

from seechange_core.frames import Box, Floats, Mask, Pixels, PsfModel
from seechange_core.imaging.coaddition.linear_coadd import Combined, Stacked, combined_box
from seechange_core.imaging.psf.fitted_psf import psf_from_stamps
from seechange_core.imaging.psf.normalisation import measured_fwhm
from seechange_core.imaging.tiles import Tile, tiles

_INNER_PIXEL = 448
_PSF_GRID = 4
#: Added to all transforms of PSFs: where they have no power, the filters' phases would be noise, and reach far.
_FLOOR = np.float32(0.01)
#: An image that has less than this part of the pixels that another one has in a tile does not enter there.
_LEAST_COVERAGE = 0.5

Spectra = NDArray[np.complex64]


def proper_coadd(stacked: Stacked) -> Combined:
    """Combine images properly, in tiles with the PSFs of their middle.

    Returns
    -------
    Combined
        With the inverse sky variances as weights. The variance is that of the mean with these weights.

    Notes
    -----
    A pixel that does not enter is given the mean of the others.
    """
    weights = 1.0 / stacked.sky_variance
    shape = stacked.stack.shape
    data, variance = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    mask = np.zeros(shape, np.uint16)
    size = stacked.psfs[0].coefficients.shape[-1]
    for tile in tiles(shape, _INNER_PIXEL, size):
        inner = tile.inner.slices
        data[inner], variance[inner], mask[inner] = _combined_tile(stacked, tile, weights)
    psf = _psf(stacked, weights, size)
    return Combined(data, variance, mask, psf, weights / weights.sum())


def _combined_tile(stacked: Stacked, tile: Tile, weights: Floats) -> tuple[Pixels, Pixels, Mask]:
    box, here = _within(tile, stacked.stack.shape)
    usable = stacked.usable.within(box)
    coverage = usable.mean(axis=(1, 2))
    entering = coverage >= _LEAST_COVERAGE * coverage.max()
    usable &= entering[:, None, None]
    mean, variance, mask = combined_box(stacked, box, weights, usable)
    covered = variance > 0
    total = np.zeros((tile.side[0], tile.side[1] // 2 + 1), np.complex64)
    power = np.zeros(total.shape, np.float32)
    padded = np.zeros(tile.side, np.float32)
    for number in np.flatnonzero(entering):
        (pixels,) = stacked.stack.data([stacked.chosen[number]], box)
        padded[here] = np.where(covered & ~usable[number], mean, pixels)
        psf = _transformed(stacked.psfs[number].samples(*tile.centre)[0], tile.side) + _FLOOR
        weight = np.float32(weights[number])
        total += weight * psf.conj() * rfft2(padded)
        power += weight * (psf.real**2 + psf.imag**2)
    scale = np.float32(weights[entering].sum())
    padded = irfft2(total / np.sqrt(power * scale), tile.side)
    inside = _inside(tile, box)
    data = np.where(covered, padded[here], np.float32(0.0))
    return data[inside], variance[inside], mask[inside]


def _within(tile: Tile, shape: tuple[int, int]) -> tuple[Box, tuple[slice, slice]]:
    """Return the part of a tile that lies on the image, and where it lies in the tile."""
    top, left = tile.inner.y0 - tile.border, tile.inner.x0 - tile.border
    box = Box(
        max(top, 0),
        min(top + tile.side[0], shape[0]),
        max(left, 0),
        min(left + tile.side[1], shape[1]),
    )
    return box, (slice(box.y0 - top, box.y1 - top), slice(box.x0 - left, box.x1 - left))


def _inside(tile: Tile, box: Box) -> tuple[slice, slice]:
    inner = tile.inner
    return slice(inner.y0 - box.y0, inner.y1 - box.y0), slice(inner.x0 - box.x0, inner.x1 - box.x0)


def _transformed(stamp: NDArray[np.floating], shape: tuple[int, int]) -> Spectra:
    """Return the real FFT of a stamp, its middle at pixel (0, 0)."""
    size = stamp.shape[0]
    padded = np.zeros(shape, np.float32)
    padded[:size, :size] = stamp
    return np.asarray(rfft2(np.roll(padded, (-(size // 2), -(size // 2)), (0, 1))), np.complex64)


def _psf(stacked: Stacked, weights: Floats, size: int) -> PsfModel:
    """Compute the coadd's PSF on a grid of places and fit a polynomial through it."""
    ny, nx = stacked.stack.shape
    side = next_fast_len(3 * size, real=True)
    fraction = (np.arange(_PSF_GRID) + 0.5) / _PSF_GRID
    x, y = (grid.ravel() for grid in np.meshgrid(fraction * nx - 0.5, fraction * ny - 0.5))
    samples = [psf.samples(x, y) for psf in stacked.psfs]
    stamps = np.empty((len(x), size, size))
    for place in range(len(x)):
        total = np.zeros((side, side // 2 + 1), np.complex128)
        power = np.zeros(total.shape)
        for of_image, weight in zip(samples, weights, strict=True):
            psf = _transformed(of_image[place], (side, side)).astype(np.complex128)
            total += weight * (psf + _FLOOR).conj() * psf
            power += weight * np.abs(psf + _FLOOR) ** 2
        wide = irfft2(total / np.sqrt(power * weights.sum()), (side, side))
        stamps[place] = np.roll(wide, (size // 2, size // 2), (0, 1))[:size, :size]
    model = psf_from_stamps(stamps, x, y, (ny, nx), stacked.psfs[0].degree)
    n_stars = min(psf.n_stars for psf in stacked.psfs)
    return replace(model, n_stars=n_stars, fwhm=measured_fwhm(model, model.x_zero, model.y_zero))
