"""Artificial sources in a real image, to learn what the chain makes of sources that are known."""

from __future__ import annotations

import numpy as np

from seechange_core.frames import Floats, Frame, MaskPlane, PsfModel
from seechange_core.frames.mask import MASK_DTYPE

#: Pixels that get more than this part of the light in a source's brightest pixel are marked.
_MARKED_FRACTION = 0.05


def inject_point_sources(
    frame: Frame,
    psf: PsfModel,
    x: Floats,
    y: Floats,
    flux: Floats,
    rng: np.random.Generator,
    *,
    saturation_electron: float = np.inf,
) -> Frame:
    """Add point sources, with the noise of their own photons, to a calibrated image.

    Parameters
    ----------
    frame : Frame
        Electrons of an exposure, with or without its sky.
    psf : PsfModel
        Of the frame, normalised to 1.
    x, y, flux : array of shape (n,)
        Positions (pixel; those off the image count as far as their light reaches) and fluxes (electron). Where light
        is taken away, by a negative flux, its noise stays: which of the photons are missing nobody knows.
    rng : numpy.random.Generator
        Gives the photons; the same state gives the same pixels.
    saturation_electron : float
        Pixels that the sources lift to this level keep it and are marked ``SATURATED``. Only meaningful where the
        frame has its sky.

    Returns
    -------
    Frame
        Data and variance with the sources' light, and ``INJECTED`` where it is no less than 5 % of a source's peak.

    Raises
    ------
    ValueError
        If a flux is zero or not finite, or x, y and flux differ in length.
    """
    x, y, flux = (np.atleast_1d(np.asarray(values, np.float64)) for values in (x, y, flux))
    if not len(x) == len(y) == len(flux):
        raise ValueError(f"{len(x)} x, {len(y)} y and {len(flux)} fluxes: they must be as many")
    if not np.all(np.isfinite(flux) & (flux != 0)):
        raise ValueError(f"fluxes must be numbers other than zero, one is {flux[~(np.abs(flux) > 0)][:1]}")
    data, variance, mask = frame.data.copy(), frame.variance.copy(), frame.mask.copy()
    ny, nx = frame.shape
    half = psf.size // 2
    corners = zip(np.floor(x + 0.5).astype(int) - half, np.floor(y + 0.5).astype(int) - half, strict=True)
    for stamp, source_flux, (left, bottom) in zip(psf.stamps(x, y), flux, corners, strict=True):
        rows = slice(max(bottom, 0), max(min(bottom + psf.size, ny), 0))
        columns = slice(max(left, 0), max(min(left + psf.size, nx), 0))
        inside = stamp[rows.start - bottom : rows.stop - bottom, columns.start - left : columns.stop - left]
        light = source_flux * inside
        # The wings of a measured PSF may be a little negative: there are no photons to have noise.
        expected = np.maximum(light, 0.0) if source_flux > 0 else np.zeros_like(light)
        data[rows, columns] += light + rng.poisson(expected) - expected
        variance[rows, columns] += expected
        marked = inside >= _MARKED_FRACTION * stamp.max()
        mask[rows, columns] |= np.where(marked, MASK_DTYPE(MaskPlane.INJECTED), MASK_DTYPE(0))
        full = (data[rows, columns] >= saturation_electron) & (light > 0)
        data[rows, columns][full] = saturation_electron
        mask[rows, columns] |= np.where(full, MASK_DTYPE(MaskPlane.SATURATED), MASK_DTYPE(0))
    return frame.replaced(data=data, variance=variance, mask=mask)
