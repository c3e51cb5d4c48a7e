"""Which images are good enough for a reference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seechange_core.imaging.alignment.overlap import overlap_fraction
from seechange_core.params import Params, parameter

_SECONDS_PER_DAY = 86400.0


class ReferencingParams(Params):
    """How the images of a reference are chosen."""

    max_seeing_arcsec: float = parameter(
        3.0, description="Images with worse seeing are left out", unit="arcsec", gt=0, le=20
    )
    min_stars: int = parameter(
        1, description="Images whose zero point rests on fewer stars are left out", ge=0
    )
    max_zero_point_scatter_mag: float = parameter(
        0.2,
        description="Images whose stars scatter more about the zero point are left out",
        unit="mag",
        gt=0,
        le=5,
    )
    min_limiting_mag: float | None = parameter(
        None, description="Images whose 5-sigma limit for stars is brighter are left out", unit="mag"
    )
    min_sky_mag_arcsec2: float | None = parameter(
        None, description="Images whose sky is brighter are left out", unit="mag/arcsec2"
    )
    min_coverage: float = parameter(
        0.0,
        description="Images that cover less of the area of the best one are left out",
        ge=0,
        le=1,
    )
    max_images: int = parameter(
        20, description="Only so many of the images with the best seeing are used", ge=1
    )
    min_images: int = parameter(1, description="With fewer images no reference is made", ge=1)
    made_for: str = parameter(
        "", description="What the references of the set are for, in words", critical=False
    )


@dataclass(frozen=True)
class Candidate:
    """An image that could enter a reference.

    Parameters
    ----------
    image : str
        Names it.
    section, mjd, exposure_s
        What it is of: section, mid-exposure (UTC), seconds. Two reductions of one exposure agree in these.
    seeing_arcsec, n_stars, zero_point_scatter_mag
        What its quality is judged by.
    limiting_mag, sky_mag_arcsec2 : float
        Of stars at 5 sigma; surface brightness of the sky. NaN where they are unknown.
    corners : list of [ra, dec]
        Of the image (deg), counted around.
    """

    image: str
    section: str
    mjd: float
    exposure_s: float
    seeing_arcsec: float
    n_stars: int
    zero_point_scatter_mag: float
    limiting_mag: float = math.nan
    sky_mag_arcsec2: float = math.nan
    corners: Sequence[Sequence[float]] = ()

    def is_of_same_exposure(self, other: Candidate) -> bool:
        """Whether both are the same exposure, reduced twice: a CCD cannot take two at a time."""
        apart_s = abs(self.mjd - other.mjd) * _SECONDS_PER_DAY
        return self.section == other.section and apart_s <= min(self.exposure_s, other.exposure_s) / 2


def choose(
    candidates: Sequence[Candidate], params: ReferencingParams
) -> tuple[list[Candidate], dict[str, str]]:
    """Choose the images of a reference; of several reductions of one exposure the one with the best seeing.

    Returns
    -------
    list of Candidate
        Those that enter, best seeing first.
    dict
        Why each other image does not: `Candidate.image` to reason.
    """
    reasons: dict[str, str] = {}
    good: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda c: (c.seeing_arcsec, c.image)):
        reason = _against(candidate, good, params)
        if reason:
            reasons[candidate.image] = reason
        else:
            good.append(candidate)
    return good, reasons


def _against(candidate: Candidate, good: Sequence[Candidate], params: ReferencingParams) -> str:
    """Say why an image does not enter after better ones; empty if it does."""
    if any(candidate.is_of_same_exposure(other) for other in good):
        return "another reduction of the same exposure is used"
    if not candidate.seeing_arcsec <= params.max_seeing_arcsec:
        return f"seeing {candidate.seeing_arcsec:.2f} > {params.max_seeing_arcsec:g} arcsec"
    if candidate.n_stars < params.min_stars:
        return f"{candidate.n_stars} stars < {params.min_stars}"
    if not candidate.zero_point_scatter_mag <= params.max_zero_point_scatter_mag:
        return f"zero point scatter {candidate.zero_point_scatter_mag:.3f} > {params.max_zero_point_scatter_mag:g} mag"
    if params.min_limiting_mag is not None and not candidate.limiting_mag >= params.min_limiting_mag:
        return f"limit {candidate.limiting_mag:.2f} < {params.min_limiting_mag:g} mag"
    if params.min_sky_mag_arcsec2 is not None and not candidate.sky_mag_arcsec2 >= params.min_sky_mag_arcsec2:
        return f"sky {candidate.sky_mag_arcsec2:.2f} < {params.min_sky_mag_arcsec2:g} mag/arcsec2"
    if good and params.min_coverage > 0:
        covered = overlap_fraction(*np.transpose(good[0].corners), *np.transpose(candidate.corners))
        if covered < params.min_coverage:
            return f"covers {covered:.2f} < {params.min_coverage:g} of the best image"
    if len(good) == params.max_images:
        return f"{params.max_images} images with better seeing are used"
    return ""
