"""The pixels of one source on a difference image, read from its file without the rest."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

from seechange_core.frames import Box, MaskPlane, PsfModel
from seechange_core.frames.mask import MASK_DTYPE
from seechange_core.imaging.photometry.forced_photometry import SourcePixels
from seechange_core.store.formats.difference import FLUX_ERROR
from seechange_core.store.formats.document import METADATA
from seechange_core.store.formats.frame import IMAGE, MASK, VARIANCE
from seechange_core.store.formats.pieces import Extension, open_pieces
from seechange_core.store.formats.psf import PSF


def read_around(path: Path, x: float, y: float, radius_fwhm: float) -> SourcePixels:
    """Read what is needed to measure a source on a difference, and nothing else.

    Parameters
    ----------
    x, y : float
        Its position (pixel).
    radius_fwhm : float
        Half the side of the square of pixels that is read.

    Raises
    ------
    StoreError
        If the file is missing, damaged or truncated.
    """
    wanted = {METADATA, IMAGE, VARIANCE, MASK, PSF, FLUX_ERROR}
    planes: dict[str, Extension] = {}
    with open_pieces(path) as extensions:
        for name, found in extensions:
            if name in wanted:
                planes[name] = found
            if len(planes) == len(wanted):
                break
        psf = PsfModel(planes[PSF].array(), **json.loads(planes[METADATA].text())["psf"])
        size = 2 * math.ceil(radius_fwhm * psf.fwhm + 0.5) + 1
        shape = planes[IMAGE].integer("ZNAXIS2"), planes[IMAGE].integer("ZNAXIS1")
        corner_y, corner_x = math.floor(y + 0.5) - size // 2, math.floor(x + 0.5) - size // 2
        box = Box(
            max(corner_y, 0), min(corner_y + size, shape[0]), max(corner_x, 0), min(corner_x + size, shape[1])
        )
        data, variance = (np.full((size, size), np.nan) for _ in range(2))
        mask = np.full((size, size), int(MaskPlane.NO_DATA), MASK_DTYPE)
        if box.y1 > box.y0 and box.x1 > box.x0:
            inside = Box(box.y0 - corner_y, box.y1 - corner_y, box.x0 - corner_x, box.x1 - corner_x).slices
            for plane, name in ((data, IMAGE), (variance, VARIANCE), (mask, MASK)):
                plane[inside] = planes[name].piece(box)
        flux_error = math.nan
        column, row = math.floor(x + 0.5), math.floor(y + 0.5)
        if FLUX_ERROR in planes and 0 <= column < shape[1] and 0 <= row < shape[0]:
            flux_error = float(planes[FLUX_ERROR].piece(Box(row, row + 1, column, column + 1))[0, 0])
    return SourcePixels(data, variance, mask, psf.stamp(x, y, size), flux_error)
