"""Which pixels the kernel is fitted to: those of sources that both images show alike."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from seechange_core.frames import Floats, Pixels
from seechange_core.frames.arrays import as_pixels
from seechange_core.imaging.cleaned_pair import CleanedPair
from seechange_core.imaging.masked_pixels import grown
from seechange_core.imaging.matched_filter import significance
from seechange_core.imaging.robust import scatter

_DETECTION_SIGMA = 3.0
_MAX_BAD_FRACTION = 0.2
_CORE_LIGHT = 0.1
_CLIP_SIGMA = 4.0
_LEAST_RATIO_SCATTER = 0.03
_LARGEST_AREA = 128**2
_BLOCK = 64


@dataclass(frozen=True)
class KernelSources:
    """Sources as connected areas; elsewhere both images are masked in the fit.

    Parameters
    ----------
    labels : array of shape (ny, nx), int32
        Number of the source that a pixel belongs to, from 1 on; 0 for none.
    weight : array of shape (n + 1,)
        Inverse noise of each source (1 / electron), one number for all of its pixels, since a weight that varied would
        not commute with the convolution; 0 for a source that is not used, and for number 0.
    """

    labels: NDArray[np.int32]
    weight: Floats

    @property
    def n_used(self) -> int:
        """Number of sources in the fit."""
        return int(np.count_nonzero(self.weight))

    def without(self, rejected: NDArray[np.bool_]) -> KernelSources:
        """Return the same without some sources; ``rejected`` has the shape of the weights."""
        return replace(self, weight=np.where(rejected, 0.0, self.weight))


def kernel_sources(
    image: Pixels, target: Pixels, pair: CleanedPair, margin: int, min_snr: float
) -> KernelSources:
    """Find the sources and choose those that are good in both images.

    A source is an area above 3 sigma in the sum of both images, grown by one FWHM; where many run into each other they
    are cut in blocks of one weight, which count as sources each. Left out are those with a bad core or many bad pixels,
    those near the edges, those too faint, and those whose flux ratio is not that of the others.

    Parameters
    ----------
    image, target : array of shape (ny, nx)
        What is convolved, and what it shall match.
    pair : CleanedPair
        Masks and noise of the two.
    margin : int
        Least distance from the edges (pixel).
    min_snr : float
        Least height of the highest pixel above the sky in both images, in sigma.

    Notes
    -----
    Hu et al. (2022), ApJ 936, 157: what does not match has to be masked, in both images.
    """
    fwhm = max(pair.new_psf.fwhm, pair.ref_psf.fwhm, 1.0)
    areas = ndimage.label(_source_area(pair, fwhm), structure=np.ones((3, 3)))[0]
    y, x = np.nonzero(areas)
    if not len(y):
        return KernelSources(np.zeros(image.shape, np.int32), np.zeros(1))
    area = areas[y, x].astype(np.intp) - 1
    piece = _pieces(area, y, x)
    order = np.argsort(piece, kind="stable")
    y, x, area, piece = y[order], x[order], area[order], piece[order]
    first = np.flatnonzero(np.diff(piece, prepend=-1))
    labels = np.zeros(image.shape, np.int32)
    labels[y, x] = piece + 1

    def total(values: NDArray[np.generic]) -> Floats:
        sums: Floats = np.add.reduceat(values.astype(np.float64), first)
        return sums

    new, ref, bad = pair.new[y, x], pair.ref[y, x], pair.bad[y, x]
    new_peak, ref_peak = np.maximum.reduceat(new, first), np.maximum.reduceat(ref, first)
    at_edge = np.minimum.reduce([x, image.shape[1] - 1 - x, y, image.shape[0] - 1 - y]) < margin
    in_image, in_target = total(image[y, x]), total(target[y, x])
    used = (new_peak > min_snr * pair.new_noise) & (ref_peak > min_snr * pair.ref_noise) & (in_image > 0)
    used &= (total(at_edge) == 0) & (total(bad & (new > _CORE_LIGHT * new_peak[piece])) == 0)
    used &= total(bad) < _MAX_BAD_FRACTION * total(np.ones(len(y)))
    if used.any():
        ratio = in_target / np.where(used, in_image, 1.0)
        off = np.abs(ratio - np.median(ratio[used]))
        used &= off <= _CLIP_SIGMA * max(scatter(ratio[used]), _LEAST_RATIO_SCATTER)
    # The variance that counts is that where the light is.
    light = np.maximum(image[y, x], 1e-3).astype(np.float64) ** 2
    variance = light * (pair.new_variance[y, x] + pair.ref_variance[y, x])
    of_area = np.bincount(area, variance) / np.maximum(np.bincount(area, light), 1e-6)
    weight = np.zeros(len(first) + 1)
    weight[1:][used] = 1 / np.sqrt(of_area[area[first]][used])
    return KernelSources(labels, weight)


def _pieces(area: NDArray[np.intp], y: NDArray[np.intp], x: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return for each pixel the number of its piece, without gaps; most areas are one piece."""
    large = np.bincount(area)[area] > _LARGEST_AREA
    block = np.where(large, 1 + (y // _BLOCK) * (int(x.max()) // _BLOCK + 1) + x // _BLOCK, 0)
    key = area * (int(block.max()) + 1) + block
    return np.unique(key, return_inverse=True)[1]


def _source_area(pair: CleanedPair, fwhm: float) -> NDArray[np.bool_]:
    new_weight, ref_weight = np.float32(pair.new_noise**-2), np.float32(pair.ref_noise**-2)
    both = as_pixels((new_weight * pair.new + ref_weight * pair.ref) / (new_weight + ref_weight))
    variance = np.full(both.shape, 1 / (new_weight + ref_weight), np.float32)
    seen = significance(both, variance, np.zeros(both.shape, bool), fwhm) > _DETECTION_SIGMA
    return grown(seen, fwhm)
