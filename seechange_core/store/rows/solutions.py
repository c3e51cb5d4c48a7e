"""Rows of astrometric and photometric solutions."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import numpy as np

from seechange_core.frames import PhotometricSolution, SkyMapping
from seechange_core.models import Base, WorldCoordinates, ZeroPoint
from seechange_core.store.formats.documents import mapping_document, photometry_document
from seechange_core.store.rows.saving import Saving
from seechange_core.store.rows.sky import footprint_columns


def mapping_rows(saving: Saving) -> list[Sequence[Base]]:
    """Return the row of an image's sky mapping."""
    return [[world_coordinates_row(saving, saving.input_id("image"))]]


def photometry_rows(saving: Saving) -> list[Sequence[Base]]:
    """Return the row of an image's zero point."""
    return [[photometry_row(saving, saving.input_id("image"))]]


def world_coordinates_row(saving: Saving, image_id: UUID) -> WorldCoordinates:
    """Return the sky mapping that this product made or, for a difference, took over from the new image."""
    mapping: SkyMapping = saving.of_role("mapping")
    return WorldCoordinates(
        id=saving.id,
        source_list_id=saving.input_id("sources"),
        image_id=image_id,
        rms_mas=mapping.rms_mas,
        n_stars=mapping.n_stars,
        mapping=mapping_document(mapping),
        relative_to=mapping.relative_to,
        **footprint_columns(mapping, saving.inputs["image"].shape),
    )


def photometry_row(saving: Saving, image_id: UUID) -> ZeroPoint:
    """Return the zero point that this product made or, for a difference, took over from the new image."""
    solution: PhotometricSolution = saving.of_role("photometry")
    known = solution.flux_unit != "electron"
    limiting_flux = np.array(saving.inputs["sources"].meta.get("limiting_flux_electron", np.nan), np.float64)
    return ZeroPoint(
        id=saving.id,
        source_list_id=saving.input_id("sources"),
        image_id=image_id,
        calibrated=solution.calibrated,
        relative_to=solution.relative_to,
        zero_point=solution.zero_point if known else None,
        zero_point_error=solution.zero_point_error if known else None,
        scatter=solution.scatter if known else None,
        n_stars=solution.n_stars,
        filter=solution.filter,
        catalog=solution.catalog,
        colour_term=solution.colour_term if known else None,
        limiting_magnitude=float(solution.magnitude(limiting_flux)) if solution.calibrated else None,
        solution=photometry_document(solution),
    )
