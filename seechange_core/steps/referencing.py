"""Which images are good enough for a reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    max_images: int = parameter(
        20, description="Only so many of the images with the best seeing are used", ge=1
    )
    min_images: int = parameter(1, description="With fewer images no reference is made", ge=1)


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
    """

    image: str
    section: str
    mjd: float
    exposure_s: float
    seeing_arcsec: float
    n_stars: int
    zero_point_scatter_mag: float

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
        if any(candidate.is_of_same_exposure(other) for other in good):
            reasons[candidate.image] = "another reduction of the same exposure is used"
        elif not candidate.seeing_arcsec <= params.max_seeing_arcsec:
            reasons[candidate.image] = (
                f"seeing {candidate.seeing_arcsec:.2f} > {params.max_seeing_arcsec:g} arcsec"
            )
        elif candidate.n_stars < params.min_stars:
            reasons[candidate.image] = f"{candidate.n_stars} stars < {params.min_stars}"
        elif not candidate.zero_point_scatter_mag <= params.max_zero_point_scatter_mag:
            reasons[candidate.image] = (
                f"zero point scatter {candidate.zero_point_scatter_mag:.3f} > {params.max_zero_point_scatter_mag:g} mag"
            )
        elif len(good) == params.max_images:
            reasons[candidate.image] = f"{params.max_images} images with better seeing are used"
        else:
            good.append(candidate)
    return good, reasons
