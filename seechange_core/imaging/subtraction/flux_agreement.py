"""How well one flux ratio holds for the stars of two images, and whether it is the same everywhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import AlignedPair, Floats, Frame, PsfModel, SourceTable, unusable
from seechange_core.imaging.robust import excess_scatter
from seechange_core.imaging.stamps import cut, stamp_corners

_LEAST_SNR = 50.0
_MOST_STARS = 500
_FEWEST_STARS = 10
_FEWEST_IN_CELL = 4
_CELLS = 4
_RADIUS_FWHM = 1.5
_CLIP_SIGMA = 3.5
_ROUNDS = 5


@dataclass(frozen=True)
class FluxAgreement:
    """The flux ratio of shared stars, divided by the pair's.

    Parameters
    ----------
    ratio, error : float
        Mean over the stars and its error; 1 and infinite where fewer than ten tell.
    variation : float
        Scatter of the means of 4 x 4 parts of the image beyond their errors; 0 where too few stars tell.
    n_stars : int
        Stars in the mean.
    """

    ratio: float
    error: float
    variation: float
    n_stars: int


_UNKNOWN = FluxAgreement(1.0, float("inf"), 0.0, 0)


def flux_agreement(pair: AlignedPair, sources: SourceTable) -> FluxAgreement:
    """Compare the fluxes of stars in both images of a pair.

    Parameters
    ----------
    pair : AlignedPair
        Nothing is known without PSFs.
    sources : SourceTable
        Of the new image. Its stars above 50 sigma are used; those that vary are clipped.

    Notes
    -----
    Flux under each image's own PSF within 1.5 FWHM, weighted with the variance, at the position in the new image.
    """
    if pair.new_psf is None or pair.ref_psf is None:
        return _UNKNOWN
    stars = sources.rows(sources["is_star"] & (sources["snr"] >= _LEAST_SNR) & ~unusable(sources["mask"]))
    stars = stars.rows(np.argsort(-stars["snr"], kind="stable")[:_MOST_STARS])
    x, y = stars["x"], stars["y"]
    radius = _RADIUS_FWHM * max(pair.new_psf.fwhm, pair.ref_psf.fwhm)
    new, new_error, new_good = _psf_fluxes(pair.new, pair.new_psf, x, y, radius)
    ref, ref_error, ref_good = _psf_fluxes(pair.ref, pair.ref_psf, x, y, radius)
    good = new_good & ref_good & (new > 0) & (ref > 0)
    if good.sum() < _FEWEST_STARS:
        return _UNKNOWN
    ratio = ref[good] / new[good] / pair.flux_ratio
    error = ratio * np.hypot(new_error[good] / new[good], ref_error[good] / ref[good])
    middle, total, kept = _clipped_mean(ratio, error)
    if kept.sum() < _FEWEST_STARS:
        return _UNKNOWN
    ny, nx = pair.new.shape
    cell = (y[good] * _CELLS / ny).astype(np.intp).clip(0, _CELLS - 1) * _CELLS
    cell += (x[good] * _CELLS / nx).astype(np.intp).clip(0, _CELLS - 1)
    weight = np.where(kept, total**-2, 0.0)
    information = np.bincount(cell, weight, _CELLS**2)
    full = np.bincount(cell, kept, _CELLS**2) >= _FEWEST_IN_CELL
    means = np.bincount(cell, weight * ratio, _CELLS**2)[full] / information[full]
    variation = excess_scatter(means - middle, np.sqrt(1.0 / information[full])) if full.sum() > 1 else 0.0
    return FluxAgreement(middle, float(weight.sum() ** -0.5), variation, int(kept.sum()))


def _psf_fluxes(
    frame: Frame, psf: PsfModel, x: Floats, y: Floats, radius: float
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return fluxes, their errors, and which stars have only usable pixels."""
    size = 2 * int(np.ceil(radius)) + 1
    corner_x, corner_y = stamp_corners(x, y, size)
    offset = np.arange(size) - size // 2
    inside = np.hypot(offset[:, None], offset) <= radius
    profile = psf.stamps(x, y, size) * inside
    bad = cut(unusable(frame.mask), corner_x, corner_y, size, True) & inside
    data = np.where(inside, cut(frame.data, corner_x, corner_y, size, 0.0), 0.0)
    variance = cut(frame.variance, corner_x, corner_y, size, 1.0).astype(np.float64)
    good = ~bad.any(axis=(1, 2)) & np.all((variance > 0) & np.isfinite(data), axis=(1, 2))
    weight = np.where(good[:, None, None], profile / np.where(variance > 0, variance, 1.0), 0.0)
    information = np.maximum(np.sum(weight * profile, axis=(1, 2)), 1e-30)
    flux = np.sum(weight * np.where(good[:, None, None], data, 0.0), axis=(1, 2)) / information
    return flux, information**-0.5, good


def _clipped_mean(values: Floats, errors: Floats) -> tuple[float, Floats, NDArray[np.bool_]]:
    """Return the mean, the errors with the scatter beyond them, and which values were kept."""
    middle, kept = float(np.median(values)), np.ones(len(values), bool)
    total = errors
    for _ in range(_ROUNDS):
        total = np.hypot(errors, excess_scatter(values[kept] - middle, errors[kept]))
        kept = np.abs(values - middle) < _CLIP_SIGMA * total
        if not kept.any():
            break
        middle = float(np.average(values[kept], weights=total[kept] ** -2))
    return middle, total, kept
