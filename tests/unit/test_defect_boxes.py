"""Defects that are listed as boxes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seechange_core.builtin.detrending import BadPixels
from seechange_core.builtin.simcam import Simcam
from seechange_core.errors import InputError
from seechange_core.frames import Amplifier, Box, CalibrationTable, MaskPlane, SectionData
from seechange_core.registry import Registry

WHOLE = Box(0, 6, 0, 8)
AMPLIFIER = Amplifier("A", WHOLE, WHOLE, None, 1.0, 5.0, 60000.0)


def test_pixels_in_boxes_are_masked() -> None:
    camera = Simcam()
    section = next(iter(camera.sections))
    text = f"# section x0 y0 width height\n\n{section} 1 2 3 1\n{section} 7 0 1 6  # a column\n"
    (table,) = BadPixels().read_tables("badpixels", text, camera).values()
    listed = CalibrationTable("badpixels", table, "boxes")
    data = SectionData(np.zeros(WHOLE.shape, np.float32), "adu", (AMPLIFIER,))
    masked = BadPixels().apply(data, {"badpixels": listed})
    expected = np.zeros(WHOLE.shape, bool)
    expected[2, 1:4] = True
    expected[:, 7] = True
    assert masked.mask is not None
    assert np.array_equal(masked.mask == MaskPlane.BAD, expected)
    assert masked.applied == (("badpixels", "boxes"),)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("C1 0 0 1", r"line 2: 'C1 0 0 1' is not 'section x0 y0 width height'"),
        ("C1 0 0 1 -1", "is not 'section"),
        ("X9 0 0 1 1", "no section 'X9'"),
        ("C1 0 0 99999 1", "reaches beyond"),
    ],
)
def test_lines_that_make_no_sense(line: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        BadPixels().read_tables("badpixels", f"# remark\n{line}\n", Simcam())


def test_boxes_need_a_trimmed_section() -> None:
    camera = Simcam()
    (table,) = BadPixels().read_tables("badpixels", "C1 0 0 1 1", camera).values()
    raw = replace(AMPLIFIER, overscan=Box(0, 6, 6, 8))
    data = SectionData(np.zeros(WHOLE.shape, np.float32), "adu", (raw,))
    with pytest.raises(InputError, match="overscan before badpixels"):
        BadPixels().apply(data, {"badpixels": CalibrationTable("badpixels", table, "boxes")})


def test_decams_own_list(test_data: Path) -> None:
    """62 CCDs, called by their numbers."""
    text = (test_data / "decam_calib" / "defects_2014-02-09.dat").read_text()
    decam = Registry().component("instrument", "decam")()
    tables = BadPixels().read_tables("badpixels", text, decam)
    assert set(tables) == set(decam.sections)
    assert tables["S29"]["height"][0] == 15
