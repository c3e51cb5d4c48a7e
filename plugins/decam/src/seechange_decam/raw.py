"""Raw exposures: two amplifiers a CCD, each with its overscan."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seechange_core.api.fits_files import read_pixels, region, require_number
from seechange_core.errors import InputError
from seechange_core.frames import Amplifier, Box, MaskPlane, SectionData
from seechange_core.frames.mask import MASK_DTYPE
from seechange_decam.headers import section_cards, section_info


def read_raw(path: Path, section: str) -> SectionData:
    """Read the raw pixels of one CCD, with its amplifiers as the header describes them."""
    cards = section_cards(path, section)
    pixels = read_pixels(path, section)
    amplifiers = tuple(_amplifier(cards, name, f"{path}[{section}]") for name in "AB")
    for amplifier in amplifiers:
        for box in (amplifier.data, amplifier.overscan):
            if box is not None and (box.y1 > pixels.shape[0] or box.x1 > pixels.shape[1]):
                raise InputError(f"{path}[{section}]: amplifier {amplifier.name} reaches beyond the pixels")
    shape = (max(a.trimmed.y1 for a in amplifiers), max(a.trimmed.x1 for a in amplifiers))
    mask = np.zeros(pixels.shape, MASK_DTYPE)
    for amplifier in amplifiers:
        if cards.get(f"VALID{amplifier.name}", True) is False:
            mask[amplifier.data.slices] = MASK_DTYPE(MaskPlane.BAD)
    info = section_info(cards, section, shape, path)
    return SectionData(pixels, "adu", amplifiers, info, cards, mask if mask.any() else None)


def _amplifier(cards: Mapping[str, Any], name: str, where: str) -> Amplifier:
    light, flip_x, flip_y = region(cards, f"DATASEC{name}", where)
    kept = region(cards, f"TRIMSEC{name}", where)[0] if f"TRIMSEC{name}" in cards else light
    on_ccd = region(cards, f"CCDSEC{name}", where)[0]
    # AMPSEC is CCDSEC in the order of read-out.
    read_out = f"AMPSEC{name}" if f"AMPSEC{name}" in cards else f"CCDSEC{name}"
    reversed_x, reversed_y = region(cards, read_out, where)[1:]
    if on_ccd.shape != light.shape:
        raise InputError(f"{where}: DATASEC{name} and CCDSEC{name} differ in size")
    return Amplifier(
        name=name,
        data=kept,
        trimmed=_kept_of(on_ccd, light, kept, flip_x, flip_y),
        overscan=region(cards, f"BIASSEC{name}", where)[0],
        gain=require_number(cards, f"GAIN{name}", where),
        read_noise_electron=require_number(cards, f"RDNOISE{name}", where),
        saturation_adu=require_number(cards, f"SATURAT{name}", where),
        flip_x=flip_x,
        flip_y=flip_y,
        reversed_x=reversed_x,
        reversed_y=reversed_y,
    )


def _kept_of(on_ccd: Box, light: Box, kept: Box, flip_x: bool, flip_y: bool) -> Box:
    """Return where on the CCD the pixels lie that TRIMSEC keeps of DATASEC."""
    below = light.y1 - kept.y1 if flip_y else kept.y0 - light.y0
    left = light.x1 - kept.x1 if flip_x else kept.x0 - light.x0
    y0, x0 = on_ccd.y0 + below, on_ccd.x0 + left
    return Box(y0, y0 + kept.shape[0], x0, x0 + kept.shape[1])
