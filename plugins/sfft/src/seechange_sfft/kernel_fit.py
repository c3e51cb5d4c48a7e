"""Fitting the kernel, and leaving out sources that do not match."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from seechange_core.frames import Pixels
from seechange_core.frames.polynomial import exponents
from seechange_sfft.correlations import MaskedPair, correlate, windows
from seechange_sfft.kernel_pixels import KernelPixels
from seechange_sfft.kernel_solution import DeltaKernel, solve_kernel
from seechange_sfft.kernel_sources import KernelSources
from seechange_sfft.residuals import SourceResiduals, source_residuals

_SOURCES_PER_TERM = 4
_CLIPPING_ROUNDS = 2


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
    misfit : float
        How far off the brightest sources were at first beyond noise, as a fraction of their light.
    is_limited_by_noise : bool
        Whether that was less than the error allowed for.
    residuals : SourceResiduals
        What the kernel leaves of them.
    """

    kernel: DeltaKernel
    sources: KernelSources
    n_clipped: int
    misfit: float
    is_limited_by_noise: bool
    residuals: SourceResiduals

    @property
    def chi2(self) -> float:
        """Median over sources of chi-square per pixel."""
        return float(np.median(self.residuals.chi2[self.sources.used]))


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

    Where the brightest sources show that the kernel cannot match the images to their noise, as in undersampled ones,
    that error enters the weights.

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

    def solved() -> tuple[DeltaKernel, SourceResiduals]:
        kernel = solve_kernel(sums, basis, degree, image.shape, constant_flux_ratio=constant_flux_ratio)
        return kernel, source_residuals(masked, variance, sources.labels, kernel, sources.relative_error)

    kernel, residuals = solved()
    misfit, allowed = residuals.misfit, sources.relative_error
    if misfit > allowed:
        sources = replace(sources, relative_error=misfit)
        masked = MaskedPair.of(image, target, sources)
        sums = correlate(masked, where, basis.half)
        kernel, residuals = solved()
    n_first = sources.n_used
    for _ in range(_CLIPPING_ROUNDS):
        rejected = sources.used & residuals.outlying(sources.used)
        if not rejected.any():
            break
        touched = [i for i, w in enumerate(where) if rejected[sources.labels[w.box.slices]].any()]
        sources = sources.without(rejected)
        masked = MaskedPair.of(image, target, sources)
        sums.update(np.array(touched), correlate(masked, [where[i] for i in touched], basis.half))
        kernel, residuals = solved()
    return KernelFit(kernel, sources, n_first - sources.n_used, misfit, misfit <= allowed, residuals)
