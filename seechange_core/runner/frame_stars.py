"""The sources of the exposure that all others are relative to."""

from __future__ import annotations

from collections.abc import Mapping

from seechange_core.errors import InputError, MissingInput
from seechange_core.frames import StarTable
from seechange_core.imaging.astrometry.frame_stars import frame_stars
from seechange_core.pipeline import exposure_plan
from seechange_core.runner.services import Services
from seechange_core.steps.step import FrameRequest

_PREFIX = "frame."


def bind_frame(request: FrameRequest, services: Services) -> Mapping[str, str]:
    """Return the identities of the source lists of the exposure, by section.

    Raises
    ------
    MissingInput
        If the profile's chain did not get that far with it.
    InputError
        If two exposures have files of that name.
    """
    name, instrument = request.exposure, services.instrument.name
    found = services.store.exposures.named(instrument, name)
    if len(found) > 1:
        raise InputError(
            f"{len(found)} exposures of {instrument} have a file {name}, so it does not say what all is relative to:"
            " delete those that are not meant, or give files names of their own"
        )
    extraction = exposure_plan(services.profile)["extraction"].provenance.id
    lists = services.store.products.of_exposure(found[0].id, extraction) if found else {}
    if not lists:
        raise MissingInput(
            "frame",
            f"all is relative to {name}, which has not been through extraction with this profile: process it first",
        )
    return {f"{_PREFIX}{section}": identity for section, identity in lists.items()}


def fetch_frame(request: FrameRequest, bound: Mapping[str, str], services: Services) -> StarTable:
    """Load the source lists and place them on the sky as the camera's nominal mapping has it."""
    products, camera = services.store.products, services.instrument
    sections, mjd = [], 0.0
    for role, identity in bound.items():
        if role.startswith(_PREFIX):
            state = products.find(identity)
            if state is None:
                raise InputError(f"the sources of {request.exposure} were deleted; process it again")
            image = products.load(state.inputs["image"], "image")
            mapping = camera.first_mapping(image.header, image.info)
            if mapping is None:
                raise InputError(
                    f"{request.exposure}: {camera.name} gives it no pointing, not even a nominal one"
                )
            sections.append((products.load(identity, "sources"), mapping))
            mjd = float(image.info["mjd"])
    return frame_stars(sections, request.exposure, mjd)
