"""How faint a source may be and still be found on a difference image."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import Session, aliased

from seechange_core.models import Completeness, Product, ZeroPoint
from seechange_core.store.given_keys import given

#: Half of the injected sources are found; five times the noise of the difference, or of the new image alone.
INJECTED, NOISE, NEW_NOISE = "injected", "noise", "noise of the new image"


@dataclass(frozen=True)
class DetectionLimit:
    """The limit of the search of one difference image.

    Parameters
    ----------
    magnitude : float
        AB.
    kind : {"injected", "noise", "noise of the new image"}
        ``"injected"``: half of the injected sources of this brightness are found. ``"noise"``: where none were
        injected, 5 sigma of a point source on the difference's empty sky; what cuts lose is not in it. ``"noise of the
        new image"``: where the subtraction did not measure that either, 5 sigma before subtraction, which is deeper.
    error : float or None
        1 sigma (mag); None if it is not known.
    noise_magnitude : float or None
        5 sigma of a point source on the difference's empty sky (AB mag); None if it is not known.
    """

    magnitude: float
    kind: str
    error: float | None = None
    noise_magnitude: float | None = None

    def at(self, noise_magnitude: float) -> float:
        """Return the limit at a place of the image with 5 sigma of its own (AB mag).

        The limit of injected sources is that of the whole image: it changes over the image as the noise does.
        """
        if self.kind != INJECTED:
            return noise_magnitude
        if self.noise_magnitude is None:
            return self.magnitude
        return self.magnitude + noise_magnitude - self.noise_magnitude

    @property
    def kind_at_place(self) -> str:
        """Kind of what `at` returns: ``"injected"`` or ``"noise"``."""
        return INJECTED if self.kind == INJECTED else NOISE


#: Of an image of which nothing is known; at a place its noise is the limit.
UNKNOWN_LIMIT = DetectionLimit(math.nan, NOISE)


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
    noise = subtraction.metrics["difference_limiting_magnitude"].as_float()
    of_new = ZeroPoint.limiting_magnitude
    wanted = (
        select(ZeroPoint.image_id, noise, of_new, Completeness.magnitude50, Completeness.error50)
        .join(subtraction, subtraction.id == ZeroPoint.image_id)
        .outerjoin(Completeness, fitted)
        .outerjoin(injection, injection.id == Completeness.product_id)
        .where(ZeroPoint.image_id.in_(given(image_ids)))
        .order_by(injection.created_at, injection.id)
    )
    found: dict[UUID, DetectionLimit] = {}
    for image_id, noise_limit, new_limit, magnitude50, error50 in session.execute(wanted):
        # Of several the most recent one is meant; it comes last.
        if magnitude50 is not None:
            found[image_id] = DetectionLimit(magnitude50, INJECTED, error50, noise_limit)
        elif noise_limit is not None:
            found[image_id] = DetectionLimit(noise_limit, NOISE, None, noise_limit)
        elif new_limit is not None:
            found[image_id] = DetectionLimit(new_limit, NEW_NOISE)
    return found
