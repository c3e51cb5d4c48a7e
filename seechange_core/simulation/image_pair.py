"""Pairs that a subtraction algorithm has to cope with: a CCD of sky under named conditions, with its truth.

The numbers are those of one CCD of 2048 x 4096 pixels of 0.26 arcsec in a well-filled field; other sizes keep the
densities.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from seechange_core.frames import AlignedPair, Frame
from seechange_core.simulation.pair import PIXEL_SCALE_ARCSEC, SimulatedPair, simulated_pair
from seechange_core.simulation.spoiling import (
    with_bad_pixels,
    with_cosmic_rays,
    with_saturation,
    without_columns,
)

#: Of a whole CCD (rows, columns).
CCD_SHAPE = (4096, 2048)
#: Seeds of what spoils images differ from those of the images, and from each other.
_SPOILING, _COSMIC_RAYS = 7, 11


@dataclass(frozen=True)
class PairConditions:
    """How the two images of a pair were taken, and what is wrong with them.

    Parameters
    ----------
    new_seeing_arcsec, ref_seeing_arcsec : float
        FWHM; it varies by 3 % over the image.
    new_shear, ref_shear : tuple of float
        Of the PSFs in the middle of the image (g1, g2).
    pixel_scale_arcsec : float
        Side of a pixel.
    sky_electron, read_noise_electron : float
        Per pixel and exposure.
    n_ref_exposures : int
        The reference is their mean.
    misregistration : tuple of float
        Displacement of all sources in the reference (pixel).
    bad_pixel_fraction : float
        Bad, not a number and masked, in each of the two images.
    n_cosmic_rays : float
        Expected number a CCD in the new image, not masked. The reference, made of several exposures, has none.
    n_saturated_stars : int
        Per CCD: the light of the brightest stars is cut off, the same in both images, and masked.
    coverage : float
        Part of the image's columns that the reference covers.
    n_stars, n_galaxies, n_transients : int
        Per CCD. Half of the transients are on galaxies; they have signal-to-noise ratios of 3 to 30.
    """

    new_seeing_arcsec: float = 1.2
    ref_seeing_arcsec: float = 1.0
    new_shear: tuple[float, float] = (0.025, 0.015)
    ref_shear: tuple[float, float] = (-0.015, 0.01)
    pixel_scale_arcsec: float = PIXEL_SCALE_ARCSEC
    sky_electron: float = 600.0
    read_noise_electron: float = 7.0
    n_ref_exposures: int = 5
    misregistration: tuple[float, float] = (0.0, 0.0)
    bad_pixel_fraction: float = 0.0
    n_cosmic_rays: float = 0.0
    n_saturated_stars: int = 0
    coverage: float = 1.0
    n_stars: int = 4000
    n_galaxies: int = 2500
    n_transients: int = 300


#: By name: what an algorithm has to cope with.
CONDITIONS: dict[str, PairConditions] = {
    "aligned": PairConditions(),
    "displaced": PairConditions(misregistration=(0.12, 0.09)),
    "swapped": PairConditions(new_seeing_arcsec=1.0, ref_seeing_arcsec=1.2),
    "equal": PairConditions(new_seeing_arcsec=1.1, ref_seeing_arcsec=1.1),
    "undersampled": PairConditions(
        new_seeing_arcsec=1.8, ref_seeing_arcsec=1.7, pixel_scale_arcsec=1.0, misregistration=(0.3, -0.4)
    ),
    "elongated": PairConditions(new_shear=(0.12, 0.08), ref_shear=(-0.06, 0.1)),
    "bright-sky": PairConditions(sky_electron=12_000.0),
    "spoilt": PairConditions(bad_pixel_fraction=0.003, n_saturated_stars=20),
    "dirty": PairConditions(bad_pixel_fraction=0.003, n_cosmic_rays=100, n_saturated_stars=20),
    "partial": PairConditions(coverage=0.6),
    "empty": PairConditions(n_transients=0),
}


def image_pair(
    seed: int, shape: tuple[int, int] = CCD_SHAPE, conditions: PairConditions | None = None
) -> SimulatedPair:
    """Simulate a pair under given conditions, by default those of ``CONDITIONS["aligned"]``.

    Parameters
    ----------
    seed : int
        The same seed gives the same pixels; the same sky under all conditions of the same scale.
    shape : tuple of int
        Rows and columns.
    conditions : PairConditions, optional
    """
    wanted = PairConditions() if conditions is None else conditions
    area = shape[0] * shape[1] / (CCD_SHAPE[0] * CCD_SHAPE[1])
    simulated = simulated_pair(
        seed,
        shape,
        n_stars=round(wanted.n_stars * area),
        n_galaxies=round(wanted.n_galaxies * area),
        n_transients=round(wanted.n_transients * area),
        new_seeing_arcsec=wanted.new_seeing_arcsec,
        ref_seeing_arcsec=wanted.ref_seeing_arcsec,
        new_shear=wanted.new_shear,
        ref_shear=wanted.ref_shear,
        pixel_scale_arcsec=wanted.pixel_scale_arcsec,
        sky_electron=wanted.sky_electron,
        read_noise_electron=wanted.read_noise_electron,
        n_ref_exposures=wanted.n_ref_exposures,
        misregistration=wanted.misregistration,
    )
    return replace(simulated, pair=_spoilt(simulated, wanted, area, seed))


def _spoilt(simulated: SimulatedPair, wanted: PairConditions, area: float, seed: int) -> AlignedPair:
    pair = simulated.pair
    new, ref = pair.new, pair.ref
    n_saturated = round(wanted.n_saturated_stars * area)
    if n_saturated:
        level = _saturation_level(simulated, n_saturated)
        new, ref = with_saturation(new, level), with_saturation(ref, level)
    if wanted.bad_pixel_fraction:
        rng = np.random.default_rng([seed, _SPOILING])
        new, ref = (with_bad_pixels(frame, wanted.bad_pixel_fraction, rng) for frame in (new, ref))
    if wanted.n_cosmic_rays:
        rng = np.random.default_rng([seed, _COSMIC_RAYS])
        new = with_cosmic_rays(new, wanted.n_cosmic_rays * area, rng)
    if wanted.coverage < 1:
        ref = without_columns(ref, round(wanted.coverage * ref.shape[1]))
    return replace(pair, new=new, ref=ref)


def _saturation_level(simulated: SimulatedPair, number: int) -> float:
    """Return the level (electron) that the given number of stars exceed in the new image."""
    ny, nx = simulated.new.shape
    stars = simulated.stars
    column, row = (np.floor(stars[axis] + 0.5).astype(int) for axis in "xy")
    inside = (column >= 0) & (column < nx) & (row >= 0) & (row < ny)
    peaks = np.sort(simulated.new.data[row[inside], column[inside]])[::-1]
    return float(peaks[min(number, len(peaks) - 1)])


def with_sky(frame: Frame, conditions: PairConditions) -> Frame:
    """Give a frame of a simulated pair its sky back."""
    return frame.replaced(data=frame.data + np.float32(conditions.sky_electron))
