"""Fitting the kernel, and leaving out sources that do not match."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft2, rfft2

from seechange_core.frames import Floats, Pixels
from seechange_core.frames.polynomial import exponents
from seechange_core.imaging.robust import scatter
from seechange_core.imaging.spectra import kernel_spectrum
from seechange_core.imaging.tiles import tiles
from seechange_sfft.correlations import MaskedPair, correlate, windows
from seechange_sfft.kernel_pixels import KernelPixels
from seechange_sfft.kernel_solution import DeltaKernel, solve_kernel
from seechange_sfft.kernel_sources import KernelSources

_SOURCES_PER_TERM = 4
_CLIPPING_ROUNDS = 3
_CLIP_SIGMA = 4.0
# A source is said not to match if it is off by more than noise and this part of its light.
_RELATIVE_ERROR = 0.01
_TILE = 128


@dataclass(frozen=True)
class KernelFit:
    """A kernel and the sources that it was fitted to.

    Parameters
    ----------
    kernel : DeltaKernel
        The solution.
    sources : KernelSources
        Without those that were clipped.
    n_clipped : int
        How many these are.
    chi2 : float
        Median over sources of chi-square per pixel.
    """

    kernel: DeltaKernel
    sources: KernelSources
    n_clipped: int
    chi2: float


def fit_kernel(
    image: Pixels,
    target: Pixels,
    variance: Pixels,
    sources: KernelSources,
    basis: KernelPixels,
    degree: int,
    *,
    constant_flux_ratio: bool,
) -> KernelFit:
    """Solve for the kernel, and again without the sources whose chi-square is far above that of the others.

    Parameters
    ----------
    image, target : array of shape (ny, nx)
        What is convolved, and what it shall match (electron).
    variance : array of shape (ny, nx)
        Of their difference (electron^2).
    sources : KernelSources
        Pixels of the fit.
    basis : KernelPixels
        Pixels of the kernel.
    degree : int
        Of the kernel's variation, lower if there are less than 4 sources for each of its terms.
    constant_flux_ratio : bool
        Whether the sum of the kernel is the same everywhere.
    """
    while degree and sources.n_used < _SOURCES_PER_TERM * len(exponents(degree)):
        degree -= 1
    masked = MaskedPair.of(image, target, sources)
    where = windows(masked.level)
    sums = correlate(masked, where, basis.half)
    n_first = sources.n_used
    for round_number in range(_CLIPPING_ROUNDS):
        kernel = solve_kernel(sums, basis, degree, image.shape, constant_flux_ratio=constant_flux_ratio)
        chi2, n_pixels = _chi2(masked, variance, sources, kernel)
        used = sources.weight > 0
        spread = np.maximum(scatter(chi2[used]), np.sqrt(2 / np.maximum(n_pixels, 1)))
        rejected = used & (chi2 > np.median(chi2[used]) + _CLIP_SIGMA * spread)
        if round_number == _CLIPPING_ROUNDS - 1 or not rejected.any():
            break
        touched = [i for i, w in enumerate(where) if rejected[sources.labels[w.box.slices]].any()]
        sources = sources.without(rejected)
        masked = MaskedPair.of(image, target, sources)
        sums.update(np.array(touched), correlate(masked, [where[i] for i in touched], basis.half))
    return KernelFit(kernel, sources, n_first - sources.n_used, float(np.median(chi2[used])))


def _chi2(
    masked: MaskedPair, variance: Pixels, sources: KernelSources, kernel: DeltaKernel
) -> tuple[Floats, Floats]:
    """Return chi-square per pixel and number of pixels of each source."""
    n = len(sources.weight)
    chi2, n_pixels = np.zeros(n), np.zeros(n)
    for tile in tiles(masked.level.shape, _TILE, kernel.half):
        weight = masked.level[tile.inner.slices]
        chosen = weight > 0
        if not chosen.any():
            continue
        spectrum = kernel_spectrum(kernel.kernel(*tile.centre), tile.side)
        matched = irfft2(rfft2(tile.cut(masked.image)) * spectrum, tile.side)[tile.inside]
        off = masked.target[tile.inner.slices] - matched - weight * kernel.background(*tile.centre)
        expected = weight**2 * variance[tile.inner.slices] + (_RELATIVE_ERROR * matched) ** 2
        number = sources.labels[tile.inner.slices][chosen]
        chi2 += np.bincount(number, off[chosen] ** 2 / expected[chosen], n)
        n_pixels += np.bincount(number, minlength=n)
    return chi2 / np.maximum(n_pixels, 1), n_pixels
