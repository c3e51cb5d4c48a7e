"""The difference of two filtered images, with all that follows from the filters: noise, PSF, score and fluxes.

Every linear subtraction is ``D = a * N - b * R`` (* is convolution). Alard & Lupton (1998) have ``a = 1`` and a fitted
kernel b; Zackay, Ofek & Gal-Yam (2016, ApJ 830, 27; ZOGY) have a and b from the two PSFs. The rest is the same for all
and is here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft2, next_fast_len, rfft2

from seechange_core.frames import Difference, Pixels, PsfModel
from seechange_core.frames.arrays import as_pixels
from seechange_core.imaging.cleaned_pair import CleanedPair
from seechange_core.imaging.fitted_psf import psf_from_stamps
from seechange_core.imaging.masked_pixels import grown
from seechange_core.imaging.tiles import Tile, tiles

Spectrum = NDArray[np.complex64]

_PSF_GRID = 4
_PSF_DEGREE = 2


@dataclass(frozen=True)
class Filters:
    """The filters at one place of the image as real FFTs, arrays of shape (ny, nx // 2 + 1), centred on pixel (0, 0).

    Parameters
    ----------
    new, ref : array
        Transforms of a and b.
    psf : array
        Transform of the difference's PSF: of a, convolved with the PSF of the new image.
    """

    new: Spectrum
    ref: Spectrum
    psf: Spectrum


class FilterSource(Protocol):
    """What gives the filters of a place: called with its position (pixel) and the rows and columns of the FFT."""

    def __call__(self, x: float, y: float, shape: tuple[int, int]) -> Filters:
        """Return the filters at position x, y."""
        ...


@dataclass(frozen=True)
class NoiseTerms:
    """What else than photons and read-out makes the score uncertain.

    Parameters
    ----------
    registration : tuple of float
        Misregistration along x and y, 1 sigma (pixel).
    relative : float
        Error of PSF and flux ratio as a fraction of a source's light.
    width : float
        Error of the PSFs' widths relative to each other: 1 sigma of the variance along one axis (pixel^2).
    """

    registration: tuple[float, float]
    relative: float
    width: float = 0.0


def transformed_psf(psf: PsfModel, x: float, y: float, shape: tuple[int, int]) -> Spectrum:
    """Return the real FFT of the PSF at a position, its centre at pixel (0, 0)."""
    size = min(psf.size, (min(shape) - 1) // 2 * 2 + 1)
    half = size // 2
    padded = np.zeros(shape, np.float32)
    padded[:size, :size] = psf.centred(x, y, size)
    return rfft2(np.roll(padded, (-half, -half), (0, 1))).astype(np.complex64, copy=False)


def filtered_difference(
    pair: CleanedPair, filters: FilterSource, noise: NoiseTerms, *, tile: int, border: int
) -> Difference:
    """Compute the difference and its planes, tile by tile.

    Parameters
    ----------
    pair : CleanedPair
        Both images on one scale.
    filters : FilterSource
        The algorithm.
    noise : NoiseTerms
        Errors of registration and PSF.
    tile, border : int
        Side of a tile and its border on each side (pixel); filters reach no further than the border.

    Returns
    -------
    Difference
        Score, flux and flux error are NaN within half a FWHM of an unusable pixel and within one FWHM of the image's
        edges, where the light beyond is missing.

    Notes
    -----
    The difference's noise has the spectrum ``|a|^2 V_n + |b|^2 V_r``, so the best filter for a point source is ``w =
    conj(p) / spectrum`` (for ZOGY's filters: eqs. 12 to 17). The score ``w * D`` is divided by its error, which follows
    from the variance planes, source light included, and from the registration (eqs. 25 to 29):
    ``sqrt((wa)^2 * V_n + (wb)^2 * V_r + ...)``. The error U of light that neither image shows, such as the cores of
    saturated stars, has one sign over a hole and so adds up before it is squared: ``(wa * U)^2 + (wb * U)^2``. A PSF
    whose variance is wrong by q leaves ``q / 2`` times the Laplacian of a source's light, as a shift leaves its slope.
    """
    shape = pair.new.shape
    planes = _Planes(*(np.empty(shape, np.float32) for _ in range(5)))
    for piece in tiles(shape, tile, border):
        _subtract_tile(piece, pair, filters, noise, planes)
    fwhm = max(pair.new_psf.fwhm, pair.ref_psf.fwhm, 1.0)
    hidden = grown(pair.bad, fwhm / 2)
    rim = int(np.ceil(fwhm))
    hidden[:rim], hidden[-rim:], hidden[:, :rim], hidden[:, -rim:] = True, True, True, True
    for plane in (planes.score, planes.flux, planes.flux_error):
        plane[hidden] = np.nan
    return Difference(
        data=planes.data,
        variance=planes.variance,
        mask=pair.mask,
        psf=_difference_psf(pair, filters, border),
        score=planes.score,
        flux=planes.flux,
        flux_error=planes.flux_error,
    )


@dataclass(frozen=True)
class _Planes:
    data: Pixels
    variance: Pixels
    score: Pixels
    flux: Pixels
    flux_error: Pixels


def _subtract_tile(
    tile: Tile, pair: CleanedPair, filters: FilterSource, noise: NoiseTerms, planes: _Planes
) -> None:
    shape = tile.side
    local = filters(*tile.centre, shape)
    weight = _matched(local, pair)
    new, ref = rfft2(tile.cut(pair.new)), rfft2(tile.cut(pair.ref))
    new_variance, ref_variance = rfft2(tile.cut(pair.new_variance)), rfft2(tile.cut(pair.ref_variance))

    small = _small_shape(tile)
    kernels = filters(*tile.centre, small)
    small_weight = _matched(kernels, pair)
    response = float(irfft2(small_weight * kernels.psf, small)[0, 0])

    def noise_plane(new_kernel: Spectrum, ref_kernel: Spectrum) -> Pixels:
        from_new = new_variance * _squared(new_kernel, small, shape)
        plane = irfft2(from_new + ref_variance * _squared(ref_kernel, small, shape), shape)
        return as_pixels(plane)

    ref_part = weight * local.ref * ref
    difference = irfft2(local.new * new - local.ref * ref, shape)
    score = irfft2(weight * local.new * new - ref_part, shape)
    score_variance = noise_plane(small_weight * kernels.new, small_weight * kernels.ref)
    ref_light = irfft2(ref_part, shape)
    score_variance[:, 1:-1] += (noise.registration[0] / 2 * (ref_light[:, 2:] - ref_light[:, :-2])) ** 2
    score_variance[1:-1] += (noise.registration[1] / 2 * (ref_light[2:] - ref_light[:-2])) ** 2
    score_variance[1:-1, 1:-1] += (noise.width / 2 * _laplacian(ref_light)) ** 2
    score_variance += (noise.relative * ref_light) ** 2
    unknown = tile.cut(pair.unknown)
    if unknown.any():
        spread = weight * rfft2(unknown)
        score_variance += irfft2(local.new * spread, shape) ** 2
        score_variance += irfft2(local.ref * spread, shape) ** 2
    score_error = np.sqrt(np.maximum(score_variance[tile.inside], np.finfo(np.float32).tiny))

    box = tile.inner.slices
    planes.data[box] = difference[tile.inside]
    planes.variance[box] = noise_plane(kernels.new, kernels.ref)[tile.inside]
    planes.score[box] = score[tile.inside] / score_error
    planes.flux[box] = score[tile.inside] / response
    planes.flux_error[box] = score_error / response


def _laplacian(light: Pixels) -> Pixels:
    """Of the pixels that have four neighbours."""
    beside = light[:-2, 1:-1] + light[2:, 1:-1] + light[1:-1, :-2] + light[1:-1, 2:]
    return as_pixels(beside - 4 * light[1:-1, 1:-1])


def _matched(filters: Filters, pair: CleanedPair) -> Spectrum:
    """Return the transform of the filter that is best for a point source in the difference."""
    spectrum = _power(filters.new) * np.float32(pair.new_noise**2) + _power(filters.ref) * np.float32(
        pair.ref_noise**2
    )
    matched = filters.psf.conj() / np.maximum(spectrum, np.finfo(np.float32).tiny)
    return matched.astype(np.complex64, copy=False)


def _power(spectrum: Spectrum) -> NDArray[np.float32]:
    return spectrum.real**2 + spectrum.imag**2


def _small_shape(tile: Tile) -> tuple[int, int]:
    """Return the size of a box that holds a kernel as wide as twice the border, for kernels are cheaper there."""
    side = next_fast_len(2 * tile.border, real=True)
    return min(side, tile.side[0]), min(side, tile.side[1])


def _squared(kernel: Spectrum, small: tuple[int, int], shape: tuple[int, int]) -> Spectrum:
    """Return the transform, in a tile, of the square of a kernel given by its transform in a small box."""
    square = irfft2(kernel, small) ** 2
    padded = np.zeros(shape, np.float32)
    half = small[0] // 2, small[1] // 2
    rest = small[0] - half[0], small[1] - half[1]
    padded[: rest[0], : rest[1]] = square[: rest[0], : rest[1]]
    padded[-half[0] :, : rest[1]] = square[-half[0] :, : rest[1]]
    padded[: rest[0], -half[1] :] = square[: rest[0], -half[1] :]
    padded[-half[0] :, -half[1] :] = square[-half[0] :, -half[1] :]
    return rfft2(padded).astype(np.complex64, copy=False)


def _difference_psf(pair: CleanedPair, filters: FilterSource, border: int) -> PsfModel:
    """Sample the difference's PSF on a grid and fit a polynomial through the samples."""
    ny, nx = pair.new.shape
    side = next_fast_len(4 * border, real=True)
    size = min(max(pair.new_psf.size, pair.ref_psf.size), side - 1 - side % 2)
    half = size // 2
    fraction = (np.arange(_PSF_GRID) + 0.5) / _PSF_GRID
    x, y = (grid.ravel() for grid in np.meshgrid(fraction * nx - 0.5, fraction * ny - 0.5))
    stamps = np.empty((len(x), size, size), np.float32)
    for i, (x_here, y_here) in enumerate(zip(x, y, strict=True)):
        stamp = irfft2(filters(float(x_here), float(y_here), (side, side)).psf, (side, side))
        stamps[i] = np.roll(stamp, (half, half), (0, 1))[:size, :size]
    varies = pair.new_psf.degree or pair.ref_psf.degree
    return psf_from_stamps(stamps, x, y, (ny, nx), _PSF_DEGREE if varies else 0)
