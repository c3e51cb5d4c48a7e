"""Artificial sources in a real image, to learn what the chain makes of sources that are known."""

from __future__ import annotations

import numpy as np

from seechange_core.frames import Floats, Frame, MaskPlane, PsfModel
from seechange_core.frames.mask import MASK_DTYPE

#: Pixels that get more than this part of the light in a source's brightest pixel are marked.
_MARKED_FRACTION = 0.05


def inject_point_sources(
    frame: Frame, psf: PsfModel, x: Floats, y: Floats, flux: Floats, rng: np.random.Generator
) -> Frame:
    """Add point sources, with the noise of their own photons, to a calibrated image.

    Parameters
    ----------
    frame : Frame
        Electrons of an exposure, with or without its sky.
    psf : PsfModel
        Of the frame, normalised to 1.
    x, y, flux : array of shape (n,)
        Positions (pixel; those off the image count as far as their light reaches) and fluxes (electron, positive).
    rng : numpy.random.Generator
        Gives the photons; the same state gives the same pixels.

    Returns
    -------
    Frame
        Data and variance with the sources' light, and ``INJECTED`` where it is no less than 5 % of a source's peak.

    Raises
    ------
    ValueError
        If a flux is not positive, or x, y and flux differ in length.
    """
    x, y, flux = (np.atleast_1d(np.asarray(values, np.float64)) for values in (x, y, flux))
    if not len(x) == len(y) == len(flux):
        raise ValueError(f"{len(x)} x, {len(y)} y and {len(flux)} fluxes: they must be as many")
    if not np.all(flux > 0):
        raise ValueError(f"fluxes must be positive, the smallest is {flux.min():g} electron")
    light, marked = np.zeros(frame.shape), np.zeros(frame.shape, bool)
    ny, nx = frame.shape
    half = psf.size // 2
    corners = zip(np.floor(x + 0.5).astype(int) - half, np.floor(y + 0.5).astype(int) - half, strict=True)
    for stamp, source_flux, (left, bottom) in zip(psf.stamps(x, y), flux, corners, strict=True):
        rows = slice(max(bottom, 0), max(min(bottom + psf.size, ny), 0))
        columns = slice(max(left, 0), max(min(left + psf.size, nx), 0))
        inside = stamp[rows.start - bottom : rows.stop - bottom, columns.start - left : columns.stop - left]
        light[rows, columns] += source_flux * inside
        marked[rows, columns] |= inside >= _MARKED_FRACTION * stamp.max()
    # The wings of a measured PSF may be a little negative: there are no photons to have noise.
    expected = np.maximum(light, 0.0)
    noise = rng.poisson(expected) - expected
    return frame.replaced(
        data=(frame.data + light + noise).astype(np.float32),
        variance=(frame.variance + expected).astype(np.float32),
        mask=frame.mask | np.where(marked, MASK_DTYPE(MaskPlane.INJECTED), MASK_DTYPE(0)),
    )
