"""Which pixels the kernel is fitted to: those of sources that both images show alike."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from seechange_core.frames import Floats, Pixels
from seechange_core.frames.arrays import as_pixels
from seechange_core.imaging.masked_pixels import grown
from seechange_core.imaging.matched_filter import significance
from seechange_core.imaging.robust import scatter
from seechange_core.imaging.subtraction.cleaned_pair import CleanedPair

_DETECTION_SIGMA = (3.0, 10.0, 30.0, 100.0, 300.0)
_MAX_BAD_FRACTION = 0.2
_CORE_LIGHT = 0.1
_CLIP_SIGMA = 4.0
_LEAST_RATIO_SCATTER = 0.03
_LARGEST_AREA = 64**2


@dataclass(frozen=True)
class KernelSources:
    """Sources as connected areas; elsewhere both images are masked in the fit.

    Parameters
    ----------
    labels : array of shape (ny, nx), int32
        Number of the source that a pixel belongs to, from 1 on; 0 for none.
    used : bool array of shape (n + 1,)
        Which sources are in the fit; not number 0.
    variance, light : array of shape (n + 1,)
        Of the pixels where the light is (electron^2, electron).
    relative_error : float
        Of the fit, as a fraction of the light. It keeps few bright stars from deciding alone.
    """

    labels: NDArray[np.int32]
    used: NDArray[np.bool_]
    variance: Floats
    light: Floats
    relative_error: float

    @property
    def n_used(self) -> int:
        """Number of sources in the fit."""
        return int(np.count_nonzero(self.used))

    @property
    def weight(self) -> Floats:
        """Inverse noise of each source (1 / electron), 0 for one that is not used.

        One number for all pixels of a source, since a weight that varied would not commute with the convolution.
        """
        noise = np.sqrt(self.variance + (self.relative_error * self.light) ** 2)
        return np.where(self.used, 1 / noise, 0.0)

    def without(self, rejected: NDArray[np.bool_]) -> KernelSources:
        """Return the same without some sources; ``rejected`` has the shape of ``used``."""
        return replace(self, used=self.used & ~rejected)


def kernel_sources(
    new: Pixels,
    ref: Pixels,
    variance: Pixels,
    pair: CleanedPair,
    *,
    convolve_new: bool,
    margin: int,
    min_snr: float,
    relative_error: float,
) -> KernelSources:
    """Find the sources and choose those that are good in both images.

    A source is an area above 3 sigma in the sum of both images, grown by one FWHM; above more where many run into each
    other. Left out are those with a bad core or many bad pixels, those near the edges, those too faint, and those whose
    flux ratio is not that of the others.

    Parameters
    ----------
    new, ref, variance : array of shape (ny, nx)
        Both images without holes, and the sum of their variances (electron, electron^2).
    pair : CleanedPair
        Where they are from: it knows typical noise and bad pixels.
    convolve_new : bool
        Which of the two is convolved to match the other.
    margin : int
        Least distance from the edges (pixel).
    min_snr : float
        Least height of the highest pixel above the sky in both images, in sigma.
    relative_error : float
        Least error of the fit, as a fraction of the light.

    Notes
    -----
    Hu et al. (2022), ApJ 936, 157: what does not match has to be masked, in both images.
    """
    fwhm = max(pair.new_psf.fwhm, pair.ref_psf.fwhm, 1.0)
    areas = _areas(new, ref, pair, fwhm)
    y, x = np.nonzero(areas)
    if not len(y):
        return KernelSources(areas, np.zeros(1, bool), np.ones(1), np.zeros(1), relative_error)
    area = np.unique(areas[y, x], return_inverse=True)[1]
    order = np.argsort(area, kind="stable")
    y, x, area = y[order], x[order], area[order]
    first = np.flatnonzero(np.diff(area, prepend=-1))
    labels = np.zeros(new.shape, np.int32)
    labels[y, x] = area + 1

    def total(values: NDArray[np.generic]) -> Floats:
        sums: Floats = np.add.reduceat(values.astype(np.float64), first)
        return sums

    in_new, in_ref, bad = new[y, x], ref[y, x], pair.bad[y, x]
    image, target = (in_new, in_ref) if convolve_new else (in_ref, in_new)
    new_peak, ref_peak = np.maximum.reduceat(in_new, first), np.maximum.reduceat(in_ref, first)
    at_edge = np.minimum.reduce([x, new.shape[1] - 1 - x, y, new.shape[0] - 1 - y]) < margin
    in_image, in_target = total(image), total(target)
    used = (new_peak > min_snr * pair.new_noise) & (ref_peak > min_snr * pair.ref_noise) & (in_image > 0)
    used &= (total(at_edge) == 0) & (total(bad & (in_new > _CORE_LIGHT * new_peak[area])) == 0)
    used &= total(bad) < _MAX_BAD_FRACTION * total(np.ones(len(y)))
    if used.any():
        ratio = in_target / np.where(used, in_image, 1.0)
        off = np.abs(ratio - np.median(ratio[used]))
        used &= off <= _CLIP_SIGMA * max(scatter(ratio[used]), _LEAST_RATIO_SCATTER)
    # What counts is the noise where the light is.
    square = np.maximum(image, 1e-3).astype(np.float64) ** 2
    light = np.sqrt(total(square**2) / total(square))
    return KernelSources(
        labels,
        used=np.append(False, used),
        variance=np.append(1.0, total(square * variance[y, x]) / total(square)),
        light=np.append(0.0, light),
        relative_error=relative_error,
    )


def _areas(new: Pixels, ref: Pixels, pair: CleanedPair, fwhm: float) -> NDArray[np.int32]:
    """Return the number of the source that each pixel belongs to, 0 for none; numbers may have gaps."""
    new_weight, ref_weight = np.float32(pair.new_noise**-2), np.float32(pair.ref_noise**-2)
    both = as_pixels((new_weight * new + ref_weight * ref) / (new_weight + ref_weight))
    variance = np.full(both.shape, 1 / (new_weight + ref_weight), np.float32)
    significant = significance(both, variance, np.zeros(both.shape, bool), fwhm)
    labels = np.zeros(both.shape, np.int32)
    within = np.ones(both.shape, bool)
    for sigma in _DETECTION_SIGMA:
        found = ndimage.label(grown(within & (significant > sigma), fwhm), structure=np.ones((3, 3)))[0]
        size = np.bincount(found.ravel())
        size[0] = 0
        large = (size > _LARGEST_AREA)[found]
        chosen = (found > 0) & (~large if sigma < _DETECTION_SIGMA[-1] else True)
        labels[chosen] = found[chosen] + labels.max()
        within = large
        if not large.any():
            break
    return labels
