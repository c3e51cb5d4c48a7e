"""LS4's raw pixels: one amplifier a CCD, or two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from seechange_core.api.fits_files import read_pixels, region
from seechange_core.errors import InputError
from seechange_core.frames import Amplifier, Box, Pixels, SectionData
from seechange_core.imaging.detrending.overscan import overscan_noise
from seechange_ls4.geometry import SHAPE
from seechange_ls4.headers import ImageHdu, hdus_of_section, section_info

#: Electron per ADU of most CCDs, and the level up to which they are taken as linear (ADU), until they are measured.
_GAIN = 2.2
_SATURATION_ADU = 20000.0
#: Their headers say left like all others.
_READ_OUT_TO_THE_RIGHT = frozenset({"SE_C", "SE_D", "SE_E", "SE_F"})
_HALF = SHAPE[1] // 2


def read_raw(files: Sequence[Path], section: str) -> SectionData:
    """Read one CCD; of two amplifiers the images are put side by side, left one first."""
    hdus = hdus_of_section(files, section)
    images = [read_pixels(hdu.path, hdu.extension) for hdu in hdus]
    if len(hdus) == 1:
        boxes = [_whole_ccd(hdus[0], images[0], section)]
    else:
        boxes = [_half_ccd(hdu, image) for hdu, image in zip(hdus, images, strict=True)]
        boxes[1] = _shifted(boxes[1], images[0].shape[1])
        if images[0].shape[0] != images[1].shape[0]:
            raise InputError(f"{hdus[0].where} and {hdus[1].where} differ in their number of rows")
    data = np.ascontiguousarray(np.hstack(images))
    amplifiers = tuple(
        replace(
            amplifier, read_noise_electron=overscan_noise(data[amplifier.overscan.slices]) * amplifier.gain
        )
        for amplifier in boxes
        if amplifier.overscan is not None
    )
    cards = dict(hdus[0].cards)
    return SectionData(data, "adu", amplifiers, section_info(cards, section, hdus[0].where), cards)


def _whole_ccd(hdu: ImageHdu, image: Pixels, section: str) -> Amplifier:
    """Return the amplifier that read the whole CCD; the header describes two, of which only the widths hold."""
    prescan, light, overscan = (
        region(hdu.cards, f"{name}L", hdu.where)[0].shape[1] for name in ("PRESEC", "DATASEC", "BIASSEC")
    )
    to_the_right = section in _READ_OUT_TO_THE_RIGHT
    start = overscan if to_the_right else prescan
    end = start + 2 * light
    _check(image, prescan + 2 * light + overscan, hdu, exact=True)
    over = (0, overscan) if to_the_right else (end, end + overscan)
    return _amplifier("RIGHT" if to_the_right else "LEFT", Box(0, SHAPE[0], start, end), over, 0)


def _half_ccd(hdu: ImageHdu, image: Pixels) -> Amplifier:
    """Return one of two amplifiers; the left one's half comes first in the assembled CCD."""
    name = hdu.amplifier
    light = region(hdu.cards, f"DATASEC{name[0]}", hdu.where)[0]
    overscan = region(hdu.cards, f"BIASSEC{name[0]}", hdu.where)[0]
    _check(image, max(light.x1, overscan.x1), hdu, exact=False)
    return _amplifier(name, light, (overscan.x0, overscan.x1), 0 if name == "LEFT" else _HALF)


def _amplifier(name: str, light: Box, overscan: tuple[int, int], first_column: int) -> Amplifier:
    return Amplifier(
        name=name,
        data=light,
        trimmed=Box(0, light.shape[0], first_column, first_column + light.shape[1]),
        overscan=Box(light.y0, light.y1, *overscan),
        gain=_GAIN,
        read_noise_electron=0.0,
        saturation_adu=_SATURATION_ADU,
        # Its overscan, which is read last, comes first.
        reversed_x=name == "RIGHT",
    )


def _shifted(amplifier: Amplifier, columns: int) -> Amplifier:
    def moved(box: Box) -> Box:
        return Box(box.y0, box.y1, box.x0 + columns, box.x1 + columns)

    overscan = None if amplifier.overscan is None else moved(amplifier.overscan)
    return replace(amplifier, data=moved(amplifier.data), overscan=overscan)


def _check(image: Pixels, columns: int, hdu: ImageHdu, *, exact: bool) -> None:
    ny, nx = image.shape
    if ny < SHAPE[0] or nx < columns or (exact and nx != columns):
        raise InputError(
            f"{hdu.where}: {nx} columns and {ny} rows, where {columns} and at least {SHAPE[0]} are expected"
        )
