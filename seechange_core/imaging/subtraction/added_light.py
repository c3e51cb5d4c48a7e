"""What a difference becomes if the new image has more light at some places, its filters unchanged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.fft import irfft2, next_fast_len, rfft2

from seechange_core.frames import Difference, Floats, Frame, unusable
from seechange_core.imaging.masked_pixels import grown
from seechange_core.imaging.spectra import Spectrum, matched_filter
from seechange_core.imaging.subtraction.filtered_difference import FilterSource


def with_added_light(
    difference: Difference,
    before: Frame,
    after: Frame,
    x: Floats,
    y: Floats,
    filters: FilterSource,
    noise: tuple[float, float],
    *,
    reach: int,
    border: int,
) -> Difference:
    """Add filtered light to a difference that was made without it.

    Parameters
    ----------
    difference : Difference
        With score and flux error; not changed.
    before, after : Frame
        The new image without and with the light.
    x, y : array of shape (n,)
        Where the light is (pixel).
    filters : FilterSource
        Those of the difference.
    noise : tuple of float
        Typical noise of a pixel of the new image and of the reference (electron of the new image).
    reach, border : int
        How far from its place light reaches, and how far filters do (pixel).

    Returns
    -------
    Difference
        Score and flux error are NaN within half a FWHM of pixels that the light has made unusable.

    Notes
    -----
    See `filtered_difference`: with w the best filter for a point source and R its response to 1 electron, the light L
    of variance V adds ``(w a / R) * L`` to the flux and ``(w a / R)^2 * V`` to its squared error. Filters are those of
    the light's place. What stands in for pixels that the light has saturated is not computed anew.
    """
    assert difference.score is not None
    assert difference.flux_error is not None
    data, variance = difference.data.copy(), difference.variance.copy()
    score, flux_error = difference.score.copy(), difference.flux_error.copy()
    side = next_fast_len(2 * (reach + border) + 1, real=True)
    shape, size = data.shape, 2 * reach + 1
    counted = np.zeros(shape, bool)
    new_variance, ref_variance = (np.float32(each**2) for each in noise)
    for x_here, y_here in zip(x, y, strict=True):
        left, bottom = round(float(x_here)) - side // 2, round(float(y_here)) - side // 2
        image, box = _overlap(shape, left, bottom, side)
        own, own_box = _overlap(
            shape, left + side // 2 - reach, bottom + side // 2 - reach, size, side // 2 - reach
        )
        # Light that two places share is added once.
        new = ~counted[own]
        counted[own] = True
        light, light_variance = np.zeros((side, side), np.float32), np.zeros((side, side), np.float32)
        light[own_box] = np.where(new, after.data[own] - before.data[own], 0)
        light_variance[own_box] = np.where(new, after.variance[own] - before.variance[own], 0)

        local = filters(float(x_here), float(y_here), (side, side))
        matched = matched_filter(local.new, local.ref, local.psf, new_variance, ref_variance)
        response = irfft2(matched * local.psf, (side, side))[0, 0]
        to_flux = matched * local.new * np.float32(1.0 / response)
        spectrum, variance_spectrum = rfft2(light), rfft2(light_variance)
        data[image] += irfft2(spectrum * local.new, (side, side))[box]
        variance[image] += irfft2(variance_spectrum * _squared(local.new, side), (side, side))[box]
        flux = score[image] * flux_error[image] + irfft2(spectrum * to_flux, (side, side))[box]
        more = irfft2(variance_spectrum * _squared(to_flux, side), (side, side))[box]
        flux_error[image] = np.sqrt(flux_error[image] ** 2 + np.maximum(more, 0))
        score[image] = flux / flux_error[image]
    hidden = unusable(after.mask) & ~unusable(before.mask)
    if hidden.any():
        hidden = grown(hidden, difference.psf.fwhm / 2)
        score[hidden], flux_error[hidden] = np.nan, np.nan
    return replace(
        difference,
        data=data,
        variance=variance,
        mask=difference.mask | after.mask,
        score=score,
        flux_error=flux_error,
    )


def _squared(kernel: Spectrum, side: int) -> Spectrum:
    """Return the transform of the square of a kernel."""
    squared: Spectrum = rfft2(irfft2(kernel, (side, side)) ** 2)
    return squared


def _overlap(
    shape: tuple[int, ...], left: int, bottom: int, size: int, offset: int = 0
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return where a square lies in the image, and the same part in a box in which it begins at an offset."""
    corners = (bottom, left)
    inside = [
        slice(max(corner, 0), max(min(corner + size, n), 0))
        for corner, n in zip(corners, shape, strict=False)
    ]
    in_box = [
        slice(part.start - corner + offset, part.stop - corner + offset)
        for part, corner in zip(inside, corners, strict=True)
    ]
    return (inside[0], inside[1]), (in_box[0], in_box[1])
