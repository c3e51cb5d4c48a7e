"""How faint a source may be and still be found on a difference image."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from seechange_core.models import Completeness, Product, ZeroPoint

#: Half of the injected sources are found; five times the noise of the new image.
INJECTED, NOISE = "injected", "noise"


@dataclass(frozen=True)
class DetectionLimit:
    """The limit of the search of one difference image.

    Parameters
    ----------
    magnitude : float
        AB.
    kind : {"injected", "noise"}
        ``"injected"``: half of the injected sources of this brightness are found. ``"noise"``: where none were
        injected, 5 sigma of the new image for a point source on empty sky; what the reference adds to the noise, and
        what cuts lose, is not in it.
    error : float or None
        1 sigma (mag); None if it is not known.
    """

    magnitude: float
    kind: str
    error: float | None = None


def detection_limits(
    session: Session,
    image_ids: Collection[UUID],
    *,
    environment: str = "sky",
    stage: str = "measured",
) -> dict[UUID, DetectionLimit]:
    """Return the limiting magnitudes of difference images, from injected sources wherever there are any.

    Parameters
    ----------
    session : Session
        One statement is sent.
    image_ids : collection of UUID
        Primary keys of difference images.
    environment, stage : str
        Of `Completeness`: where sources are, and what they have to reach.

    Returns
    -------
    dict of UUID to DetectionLimit
        Nothing for images that are not calibrated.
    """
    fitted = and_(
        Completeness.image_id == ZeroPoint.image_id,
        Completeness.environment == environment,
        Completeness.stage == stage,
        Completeness.magnitude50.is_not(None),
    )
    wanted = (
        select(
            ZeroPoint.image_id, ZeroPoint.limiting_magnitude, Completeness.magnitude50, Completeness.error50
        )
        .outerjoin(Completeness, fitted)
        .outerjoin(Product, Product.id == Completeness.product_id)
        .where(ZeroPoint.image_id.in_(image_ids))
        .order_by(Product.created_at, Product.id)
    )
    found: dict[UUID, DetectionLimit] = {}
    for image_id, noise_limit, magnitude50, error50 in session.execute(wanted):
        # Of several the most recent one is meant; it comes last.
        if magnitude50 is not None:
            found[image_id] = DetectionLimit(magnitude50, INJECTED, error50)
        elif noise_limit is not None:
            found[image_id] = DetectionLimit(noise_limit, NOISE)
    return found
