"""Stars for the steps that ask for them."""

from __future__ import annotations

from collections.abc import Mapping

from seechange_core.frames import StarTable
from seechange_core.imaging.astrometry.proper_motion import at_epoch
from seechange_core.pipeline import PlannedStep
from seechange_core.runner.frame_stars import bind_frame, fetch_frame
from seechange_core.runner.products import Products
from seechange_core.runner.services import Services
from seechange_core.steps.step import CatalogRequest, FrameRequest, UsedStarsRequest


def bind_stars(
    request: CatalogRequest | FrameRequest, planned: PlannedStep, services: Services
) -> Mapping[str, str]:
    """Return the identity of the excerpt that fills a request, or of what else it takes its stars from."""
    if isinstance(request, FrameRequest):
        return bind_frame(request, services)
    return {request.role: planned.components[request.slot][0].excerpt_id(request.region)}


def fetch_stars(
    request: CatalogRequest | FrameRequest, bound: Mapping[str, str], planned: PlannedStep, services: Services
) -> StarTable:
    """Load an excerpt, or fetch it, and move its stars to the epoch of the image; or load those of the frame."""
    if isinstance(request, FrameRequest):
        return fetch_frame(request, bound, services)
    stars = services.store.excerpts.get(planned.components[request.slot][0], request.region)
    return at_epoch(stars, request.epoch_mjd)


def fetch_used_stars(request: UsedStarsRequest, products: Products, services: Services) -> StarTable | None:
    """Load the excerpt that the astrometry used, or else the photometry, and move its stars to the image's epoch."""
    for role in ("mapping", "photometry"):
        identity = products.inputs.get(role, {}).get("stars")
        stars = None if identity is None else services.store.excerpts.load(identity)
        if stars is not None:
            return at_epoch(stars, request.epoch_mjd)
    return None
