"""What corrections have in common: masks, records of what was done, calibration data that fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seechange_core.errors import InputError, PluginError
from seechange_core.frames import (
    Calibration,
    CalibrationFrame,
    CalibrationTable,
    ColumnTable,
    Mask,
    MaskPlane,
    SectionData,
)
from seechange_core.frames.mask import MASK_DTYPE


def mask_of(section: SectionData) -> Mask:
    """Return the mask of a section, empty if it has none yet."""
    return np.zeros(section.data.shape, MASK_DTYPE) if section.mask is None else section.mask


def marked(section: SectionData, plane: MaskPlane, where: NDArray[np.bool_]) -> SectionData:
    """Return the section with a plane set where asked."""
    from seechange_core.imaging.plane_counts import with_plane

    return section.replaced(mask=with_plane(mask_of(section), where, plane))


def recorded(section: SectionData, name: str, product_id: str = "") -> SectionData:
    """Return the section with a correction appended to what was applied."""
    return section.replaced(applied=(*section.applied, (name, product_id)))


def in_adu(section: SectionData, name: str) -> SectionData:
    """Return the section if it still is in ADU.

    Raises
    ------
    PluginError
        If it is in electrons already.
    """
    if section.unit != "adu":
        raise PluginError(f"preprocessing.use: {name} works on ADU; name it before gain")
    return section


def fitting(calibration: Calibration, section: SectionData) -> CalibrationFrame:
    """Return the calibration frame if it has the shape of the section.

    Raises
    ------
    InputError
        If not, or if it is a table.
    """
    if not isinstance(calibration, CalibrationFrame):
        raise InputError(f"{calibration.kind} {calibration.product_id} is a table where an image is needed")
    if calibration.data.shape != section.data.shape:
        name = f"{section.info.get('instrument', 'the')} {section.info.get('section', 'section')}"
        kind, shape = calibration.kind, calibration.data.shape
        raise InputError(
            f"{kind} {calibration.product_id} has the shape {shape}, {name} has {section.data.shape} at this point: "
            f"make a {kind} of this section, or name overscan before {kind} in preprocessing.use"
        )
    return calibration


def with_its_mask(section: SectionData, calibration: CalibrationFrame) -> SectionData:
    """Return the section with what a calibration frame declares bad added to its mask."""
    if calibration.mask is None:
        return section
    return section.replaced(mask=mask_of(section) | calibration.mask)


def table_of(calibration: Calibration) -> ColumnTable:
    """Return the table of a calibration file.

    Raises
    ------
    InputError
        If it is an image.
    """
    if not isinstance(calibration, CalibrationTable):
        raise InputError(f"{calibration.kind} {calibration.product_id} is an image where a table is needed")
    return calibration.table
