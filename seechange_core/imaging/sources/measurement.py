"""From what was detected to a table of sources."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seechange_core.errors import Rejected
from seechange_core.frames import Floats, Frame, PsfModel, SourceTable
from seechange_core.imaging.psf.photometry import fit_point_sources
from seechange_core.imaging.psf.stellar_width import stellar_fwhm, weighted_moments
from seechange_core.imaging.sources.aperture_photometry import (
    aperture_correction,
    aperture_corrections,
    aperture_fluxes,
)
from seechange_core.imaging.sources.detection import BLENDED
from seechange_core.imaging.sources.star_galaxy import extension
from seechange_core.imaging.stamps import cut, stamp_corners
from seechange_core.imaging.usable_pixels import unusable_pixels

_FIRST_RADIUS_FWHM = 1.5
_BRIGHTEST = 500
_CORE_RADIUS_FWHM = 1.0
_STAR_SIGMA = 4.0
_FWHM_PER_SIGMA = 2.3548200450309493


def first_sources(image: Frame, found: NDArray[Any], first_fwhm: float) -> SourceTable:
    """Measure what was found before the PSF is known.

    Parameters
    ----------
    image : Frame
        Background subtracted.
    found : structured array
        As `detection.find_sources` returns it.
    first_fwhm : float
        Rough width of a star (pixel).

    Returns
    -------
    SourceTable
        Brightest first; flux in an aperture of 1.5 FWHM; ``meta["fwhm"]`` is the width of the stars (pixel).

    Raises
    ------
    Rejected
        If no source is wide enough to be light that came through a telescope.
    """
    mask = unusable_pixels(image)
    found = found[np.lexsort((found["x"], found["y"], -found["flux"]))]
    x, y = found["x"].astype(np.float64), found["y"].astype(np.float64)
    best = (found["flag"] == 0) & ~mask[found["ypeak"], found["xpeak"]]
    best_rows = np.flatnonzero(best)[:_BRIGHTEST]
    fwhm = stellar_fwhm(image.data, mask, x[best_rows], y[best_rows], first_fwhm)
    if not math.isfinite(fwhm):
        raise Rejected(
            f"none of {len(found)} sources has a width that can be measured", {"n_sources": len(found)}
        )
    moments = weighted_moments(image.data, mask, x, y, fwhm)
    # Moments would take the middle of a blend for each of its parts.
    measured = np.isfinite(moments.x)
    alone = measured & (found["flag"] & BLENDED == 0)
    x, y = np.where(alone, moments.x, x), np.where(alone, moments.y, y)
    fluxes, errors = aperture_fluxes(image.data, image.variance, mask, x, y, [_FIRST_RADIUS_FWHM * fwhm])
    flux, error = fluxes[:, 0], errors[:, 0]
    planes, peak = _core(image, x, y, fwhm)
    with np.errstate(divide="ignore", invalid="ignore"):
        snr = flux / error
        position_error = fwhm / _FWHM_PER_SIGMA / np.maximum(snr, 1.0)
    columns = {
        "x": x,
        "y": y,
        "x_error": position_error,
        "y_error": position_error,
        "flux": flux,
        "flux_error": error,
        "snr": snr,
        "a": np.where(measured, moments.a, found["a"]),
        "b": np.where(measured, moments.b, found["b"]),
        "theta": np.where(measured, moments.theta, found["theta"]),
        "peak": peak,
        "flags": found["flag"],
        "mask": planes,
        "is_star": np.zeros(len(x), bool),
    }
    order = np.argsort(-np.where(np.isfinite(flux), flux, -np.inf), kind="stable")
    return SourceTable(columns, {"fwhm": fwhm}).rows(order)


def measured_sources(
    image: Frame, first: SourceTable, psf: PsfModel, radii_fwhm: Sequence[float]
) -> tuple[SourceTable, NDArray[np.float32]]:
    """Measure the sources with the PSF.

    Parameters
    ----------
    image : Frame
        Background subtracted.
    first : SourceTable
        As `first_sources` returns it.
    psf : PsfModel
        Normalised to 1 within 5 FWHM.
    radii_fwhm : sequence of float
        Of the apertures, smallest first.

    Returns
    -------
    SourceTable
        With the further columns ``aperture_flux``, ``aperture_flux_error`` (n, number of radii),
        ``aperture_correction`` (of the largest aperture, magnitudes), ``extent``, ``extent_error`` (see
        `psf.photometry.PointSources`) and ``extension`` (see `star_galaxy.extension`: galaxies are above, stars about
        0). Where too few pixels can be used the PSF flux is NaN and
        ``snr`` 0.
    array of shape (ny, nx), float32
        What is left of the image without the point sources.
    """
    mask = unusable_pixels(image)
    point, residual = fit_point_sources(image.data, image.variance, mask, psf, first["x"], first["y"])
    radii = [float(radius * psf.fwhm) for radius in radii_fwhm]
    aperture_flux, aperture_error = aperture_fluxes(image.data, image.variance, mask, point.x, point.y, radii)
    planes, peak = _core(image, point.x, point.y, psf.fwhm)
    with np.errstate(divide="ignore", invalid="ignore"):
        snr = np.nan_to_num(point.flux / point.flux_error)
        extended = extension(point.extent, point.extent_error, snr, (psf.fwhm / _FWHM_PER_SIGMA) ** 2)
        is_star = np.abs(extended) <= _STAR_SIGMA
    table = first.with_columns(
        x=point.x,
        y=point.y,
        x_error=point.x_error,
        y_error=point.y_error,
        flux=point.flux,
        flux_error=point.flux_error,
        snr=snr,
        peak=peak,
        mask=planes,
        is_star=is_star,
        aperture_flux=aperture_flux,
        aperture_flux_error=aperture_error,
        aperture_correction=aperture_corrections(psf, radii[-1], point.x, point.y),
        extent=point.extent,
        extent_error=point.extent_error,
        extension=extended,
    )
    table.meta = {"aperture_radii": radii, "aperture_correction": aperture_correction(psf, radii[-1])}
    return table, residual


def _core(image: Frame, x: Floats, y: Floats, fwhm: float) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
    """Planes of the mask and brightest pixel within one FWHM of positions."""
    half = math.ceil(_CORE_RADIUS_FWHM * fwhm)
    size = 2 * half + 1
    offset = np.arange(size) - half
    inside = np.hypot(offset[:, None], offset[None, :]) <= _CORE_RADIUS_FWHM * fwhm
    corners = stamp_corners(x, y, size)
    planes = np.bitwise_or.reduce(cut(image.mask, *corners, size, 0) * inside.astype(np.uint16), axis=(1, 2))
    peak = np.where(inside, cut(image.data, *corners, size, -np.inf), -np.inf).max(axis=(1, 2))
    return planes, peak
