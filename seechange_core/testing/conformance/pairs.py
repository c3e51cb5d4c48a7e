"""Pairs of every difficulty, small and made once, for tests of subtraction and of what comes after."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from seechange_core.frames import AlignedPair, Difference, Floats, MaskPlane
from seechange_core.imaging.subtraction.point_source_score import point_source_score
from seechange_core.simulation.image_pair import CCD_SHAPE, CONDITIONS, image_pair
from seechange_core.simulation.pair import SimulatedPair
from seechange_core.simulation.spoiling import without_columns

SHAPE = (1024, 1024)
#: As many as there is room for without blends.
_N_TRANSIENTS = 60
#: Signal-to-noise ratios of the stars that `with_bright_stars` adds.
BRIGHT_SNR = (30.0, 100.0, 300.0, 1000.0)


@cache
def pair_under(conditions: str, seed: int = 1) -> SimulatedPair:
    """Return a simulated pair under one of `simulation.image_pair.CONDITIONS`."""
    wanted = CONDITIONS[conditions]
    if wanted.n_transients:
        per_ccd = _N_TRANSIENTS * CCD_SHAPE[0] * CCD_SHAPE[1] // (SHAPE[0] * SHAPE[1])
        wanted = replace(wanted, n_transients=per_ccd)
    return image_pair(seed, SHAPE, wanted)


def identical_pair(simulated: SimulatedPair) -> AlignedPair:
    """Return a pair of an image with itself."""
    pair = simulated.pair
    return replace(pair, ref=pair.new, ref_psf=pair.new_psf, flux_ratio=1.0)


def masked_pair(simulated: SimulatedPair) -> AlignedPair:
    """Return a pair of which every pixel of the new image is masked."""
    mask = np.full(simulated.new.shape, int(MaskPlane.BAD), np.uint16)
    return replace(simulated.pair, new=simulated.new.replaced(mask=mask))


def hardly_overlapping_pair(simulated: SimulatedPair) -> AlignedPair:
    """Return a pair whose reference covers one hundredth of the new image."""
    return replace(simulated.pair, ref=without_columns(simulated.ref, SHAPE[1] // 100))


def pair_with_other_sky(simulated: SimulatedPair) -> AlignedPair:
    """Return a pair whose new image has some smooth sky left (-4 to 8 electrons)."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]] / SHAPE[0]
    sky = (5.0 + 3.0 * x - 4.0 * y**2).astype(np.float32)
    return replace(simulated.pair, new=simulated.new.replaced(data=simulated.new.data + sky))


def with_score(difference: Difference) -> Difference:
    """Return a difference with the core's score where the algorithm gives none."""
    if difference.score is not None:
        return difference
    score, flux, flux_error = point_source_score(difference)
    return replace(difference, score=score, flux=flux, flux_error=flux_error)


def pair_with_bright_stars(simulated: SimulatedPair) -> tuple[AlignedPair, Floats, Floats, Floats]:
    """Add stars of `BRIGHT_SNR` at the places of faint transients on empty sky.

    Returns
    -------
    AlignedPair
    x, y, flux : array of shape (4,)
        Pixel, and electrons that were added.
    """
    transients = simulated.transients
    on_sky = np.flatnonzero(~transients["on_galaxy"])
    places = transients.rows(on_sky[np.argsort(transients["expected_snr"][on_sky])[: len(BRIGHT_SNR)]])
    flux = np.array(BRIGHT_SNR) * places["flux"] / places["expected_snr"]
    data, variance = simulated.new.data.copy(), simulated.new.variance.copy()
    offset = np.arange(-20, 21)
    for x, y, electrons in zip(places["x"], places["y"], flux, strict=True):
        pixels = int(np.floor(y + 0.5)) + offset[:, None], int(np.floor(x + 0.5)) + offset
        light = electrons * simulated.new_field.stamps(np.array([x]), np.array([y]), 41)[0]
        data[pixels] += light
        variance[pixels] += light
    new = simulated.new.replaced(data=data, variance=variance)
    return replace(simulated.pair, new=new), places["x"], places["y"], flux
