"""Bad pixels: defects that a map of the detector lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from seechange_core.api import Detrender, InputError, Instrument
from seechange_core.builtin.detrending.marking import fitting, marked, recorded, with_its_mask
from seechange_core.frames import Calibration, CalibrationTable, ColumnTable, MaskPlane, SectionData

#: Columns of a table of boxes, in pixels of the trimmed section; the first pixel is 0.
_BOX = ("x0", "y0", "width", "height")


class BadPixels(Detrender):
    """Masks what a calibration file of kind ``badpixels`` lists.

    That is an image, of which the mask and the pixels that are not 0 count, or a table of boxes with the columns
    ``x0``, ``y0``, ``width`` and ``height`` (pixels of the trimmed section; the first pixel is 0).
    """

    name: ClassVar[str] = "badpixels"
    version: ClassVar[str] = "1.1"

    def calibrations(self) -> tuple[str, ...]:
        """Return the one kind that is needed."""
        return ("badpixels",)

    def read_tables(self, kind: str, text: str, instrument: Instrument) -> dict[str, ColumnTable]:
        """Read boxes from lines of ``section x0 y0 width height``; what follows ``#`` is a remark.

        Sections are called as `Instrument.section_named` knows them, by their number for instance.

        Raises
        ------
        InputError
            If a line has no such five values, or its box does not lie on the section.
        """
        boxes: dict[str, list[tuple[int, ...]]] = {}
        for number, line in enumerate(text.splitlines(), start=1):
            words = line.split("#")[0].split()
            if not words:
                continue
            where = f"{kind}, line {number}: {line.strip()!r}"
            if len(words) != 1 + len(_BOX) or not all(word.isdecimal() for word in words[1:]):
                raise InputError(f"{where} is not 'section {' '.join(_BOX)}'")
            section = instrument.section_named(words[0])
            x0, y0, width, height = (int(word) for word in words[1:])
            rows, columns = instrument.sections[section].shape
            if x0 + width > columns or y0 + height > rows:
                raise InputError(f"{where} reaches beyond the {columns} x {rows} pixels of {section}")
            boxes.setdefault(section, []).append((x0, y0, width, height))
        return {
            section: ColumnTable(dict(zip(_BOX, np.array(listed).T, strict=True)))
            for section, listed in boxes.items()
        }

    def apply(self, section: SectionData, calibrations: Mapping[str, Calibration]) -> SectionData:
        """Return the section with defects masked."""
        calibration = calibrations["badpixels"]
        if isinstance(calibration, CalibrationTable):
            if any(amplifier.overscan is not None for amplifier in section.amplifiers):
                raise InputError(
                    "preprocessing.use: name overscan before badpixels, whose boxes are in trimmed pixels"
                )
            corrected = marked(section, MaskPlane.BAD, _inside(calibration.table, section.data.shape))
        else:
            listed = fitting(calibration, section)
            corrected = with_its_mask(marked(section, MaskPlane.BAD, listed.data != 0), listed)
        return recorded(corrected, self.name, calibration.product_id)


def _inside(boxes: ColumnTable, shape: tuple[int, ...]) -> np.ndarray:
    """Return which pixels lie in one of the boxes."""
    inside = np.zeros(shape, dtype=bool)
    for x0, y0, width, height in zip(*(boxes[name] for name in _BOX), strict=True):
        inside[y0 : y0 + height, x0 : x0 + width] = True
    return inside
