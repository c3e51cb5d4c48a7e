"""What a kernel leaves of the sources, and what that says of its errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft2, rfft2

from seechange_core.frames import Floats, Pixels
from seechange_core.imaging.robust import excess_scatter, scatter
from seechange_core.imaging.spectra import kernel_spectrum
from seechange_core.imaging.subtraction.filtered_difference import NoiseTerms
from seechange_core.imaging.tiles import tiles
from seechange_sfft.correlations import MaskedPair
from seechange_sfft.kernel_solution import DeltaKernel

_TILE = 128
# A source is said not to match if it is off by more than noise and this part of its light.
_LEAST_MISMATCH = 0.01
_CLIP_SIGMA = 4.0
# Errors are measured on the brightest sources, which show them best.
_BRIGHTEST = 30


@dataclass(frozen=True)
class SourceResiduals:
    """Of each source, number 0 (no source) included.

    Parameters
    ----------
    n_pixels, chi2 : array of shape (n,)
        Number of pixels, and chi-square for each of them; 0 for a source that is not in the fit.
    amplitudes, errors : array of shape (4, n)
        Of the source's light, its slopes along x and y and its Laplacian, as fitted to the residual.
    excess : array of shape (n,)
        Mean square of the residual beyond that of noise, divided by that of the light.
    """

    n_pixels: Floats
    chi2: Floats
    amplitudes: Floats
    errors: Floats
    excess: Floats

    @property
    def misfit(self) -> float:
        """How far off the fit typically is in the brightest sources beyond noise, as a fraction of the light."""
        return float(np.sqrt(max(np.median(self.excess[self._brightest(self.errors[0])]), 0.0)))

    def outlying(self, used: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the sources whose chi-square is far above that of those that are used."""
        spread = np.maximum(scatter(self.chi2[used]), np.sqrt(2 / np.maximum(self.n_pixels, 1)))
        return self.chi2 > np.median(self.chi2[used]) + _CLIP_SIGMA * spread

    def noise_terms(self, *, least_registration: float, least_relative: float) -> NoiseTerms:
        """Return the errors of kernel and registration: what the brightest sources scatter more than their noise.

        Parameters
        ----------
        least_registration, least_relative : float
            Added in quadrature (pixel; part of the light).
        """
        excess = [
            excess_scatter(amplitude[chosen], error[chosen])
            for amplitude, error in zip(self.amplitudes, self.errors, strict=True)
            for chosen in [self._brightest(error)]
        ]
        return NoiseTerms(
            registration=(
                float(np.hypot(excess[1], least_registration)),
                float(np.hypot(excess[2], least_registration)),
            ),
            relative=float(np.hypot(excess[0], least_relative)),
            width=2 * excess[3],
        )

    def _brightest(self, errors: Floats) -> NDArray[np.intp]:
        number = min(_BRIGHTEST, int(np.count_nonzero(self.n_pixels)))
        return np.argsort(np.where(self.n_pixels > 0, errors, np.inf))[:number]


def source_residuals(
    masked: MaskedPair,
    variance: Pixels,
    labels: NDArray[np.int32],
    kernel: DeltaKernel,
    relative_error: float,
) -> SourceResiduals:
    """Compare the two images, one of them convolved with the kernel, in each source.

    Parameters
    ----------
    masked : MaskedPair
        The images.
    variance : array of shape (ny, nx)
        Of their difference (electron^2).
    labels : array of shape (ny, nx)
        Number of the source that a pixel belongs to; 0 for none.
    kernel : DeltaKernel
        The solution.
    relative_error : float
        Of the fit, as a fraction of the light.
    """
    mismatch = max(relative_error, _LEAST_MISMATCH)
    n = int(labels.max()) + 1
    n_pixels, chi2, excess = np.zeros(n), np.zeros(n), np.zeros(n)
    products, squares, noise = np.zeros((4, n)), np.zeros((4, n)), np.zeros((4, n))
    for tile in tiles(labels.shape, _TILE, kernel.half + 1):
        box = tile.inner.slices
        weight = masked.level[box]
        chosen = weight > 0
        if not chosen.any():
            continue
        spectrum = kernel_spectrum(kernel.kernel(*tile.centre), tile.side)
        light = irfft2(rfft2(tile.cut(masked.image)) * spectrum, tile.side)
        slope_y, slope_x = np.gradient(light)
        laplacian = np.gradient(slope_y, axis=0) + np.gradient(slope_x, axis=1)
        shapes = [shape[tile.inside][chosen] for shape in (light, slope_x, slope_y, laplacian)]
        off = (masked.target[box] - weight * kernel.background(*tile.centre))[chosen] - shapes[0]
        expected = (weight**2 * variance[box])[chosen]
        number = labels[box][chosen]
        n_pixels += np.bincount(number, minlength=n)
        chi2 += np.bincount(number, off**2 / (expected + (mismatch * shapes[0]) ** 2), n)
        excess += np.bincount(number, off**2 - expected, n)
        for i, shape in enumerate(shapes):
            products[i] += np.bincount(number, off * shape, n)
            squares[i] += np.bincount(number, shape**2, n)
            noise[i] += np.bincount(number, expected * shape**2, n)
    square = np.where(n_pixels > 0, squares, 1.0)
    return SourceResiduals(
        n_pixels=n_pixels,
        chi2=chi2 / np.maximum(n_pixels, 1),
        amplitudes=products / square,
        errors=np.sqrt(noise) / square,
        excess=excess / square[0],
    )
