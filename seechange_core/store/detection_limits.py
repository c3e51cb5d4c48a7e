"""How faint a source may be and still be found on a difference image."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, aliased

from seechange_core.models import Completeness, Product, ZeroPoint
from seechange_core.store.given_keys import given

#: Half of the injected sources are found; five times the noise.
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
        injected, 5 sigma of a point source on the difference's empty sky; what cuts lose is not in it.
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
    subtraction, injection = aliased(Product), aliased(Product)
    measured = subtraction.metrics["difference_limiting_magnitude"].as_float()
    # Where the subtraction did not measure it, the new image's own is the nearest.
    noise = func.coalesce(measured, ZeroPoint.limiting_magnitude)
    wanted = (
        select(ZeroPoint.image_id, noise, Completeness.magnitude50, Completeness.error50)
        .join(subtraction, subtraction.id == ZeroPoint.image_id)
        .outerjoin(Completeness, fitted)
        .outerjoin(injection, injection.id == Completeness.product_id)
        .where(ZeroPoint.image_id.in_(given(image_ids)))
        .order_by(injection.created_at, injection.id)
    )
    found: dict[UUID, DetectionLimit] = {}
    for image_id, noise_limit, magnitude50, error50 in session.execute(wanted):
        # Of several the most recent one is meant; it comes last.
        if magnitude50 is not None:
            found[image_id] = DetectionLimit(magnitude50, INJECTED, error50)
        elif noise_limit is not None:
            found[image_id] = DetectionLimit(noise_limit, NOISE)
    return found
