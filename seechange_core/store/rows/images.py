"""Rows of images: sections of exposures, coadds, differences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from seechange_core.frames import Difference, Frame
from seechange_core.models import PSF, Base, Image, ImageMember, row_id
from seechange_core.store.json_values import json_values
from seechange_core.store.rows.saving import Saving
from seechange_core.store.rows.sky import footprint_columns
from seechange_core.store.rows.solutions import photometry_row, world_coordinates_row

_MEMBER = re.compile(r"member_(\d+)_image")


def image_rows(saving: Saving) -> list[Sequence[Base]]:
    """Return the row of an image, and of a coadd its members in order."""
    frame: Frame = saving.outputs["image"]
    observation = saving.record.observation
    is_coadd = observation.sky_cell is not None
    image = Image(
        is_coadd=is_coadd,
        exposure_id=observation.exposure_id,
        section=observation.section,
        info=json_values(frame.info),
        **_common(saving, "image", frame.data.shape),
    )
    return [[image], _members(saving)] if is_coadd else [[image]]


def difference_rows(saving: Saving) -> list[Sequence[Base]]:
    """Return the rows of a difference image: itself, and its own PSF, sky mapping and zero point."""
    difference: Difference = saving.outputs["difference"]
    new: Frame = saving.inputs["image"]
    observation = saving.record.observation
    image = Image(
        is_difference=True,
        exposure_id=observation.exposure_id,
        section=observation.section,
        new_image_id=saving.input_id("image"),
        ref_image_id=saving.reference_image_id,
        info=json_values(new.info),
        **_common(saving, "difference", difference.data.shape),
    )
    psf = PSF(
        id=saving.id,
        source_list_id=saving.input_id("sources"),
        image_id=saving.id,
        fwhm_pixel=difference.psf.fwhm,
        n_stars=difference.psf.n_stars,
        **saving.files["difference"].columns(),
    )
    solutions = (world_coordinates_row(saving, saving.id), photometry_row(saving, saving.id))
    return [[image], [psf], *([row] for row in solutions)]


def _common(saving: Saving, role: str, shape: tuple[int, int]) -> dict[str, Any]:
    observation = saving.record.observation
    mapping = saving.inputs.get("mapping", observation.mapping)
    return {
        "id": saving.id,
        "sky_cell": observation.sky_cell,
        "instrument": observation.instrument,
        "mjd": observation.mjd,
        "exposure_s": observation.exposure_s,
        "filter": observation.filter,
        "project": observation.project,
        "target": observation.target,
        **footprint_columns(mapping, shape),
        **saving.files[role].columns(),
    }


def _members(saving: Saving) -> list[ImageMember]:
    numbered = ((_MEMBER.fullmatch(role), identity) for role, identity in saving.record.inputs.items())
    found = sorted((int(match[1]), identity) for match, identity in numbered if match)
    return [
        ImageMember(image_id=saving.id, position=position, member_id=row_id(identity))
        for position, identity in found
    ]
