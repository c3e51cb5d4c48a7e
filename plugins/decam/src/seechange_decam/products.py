"""Reduced images of the community pipeline (InstCal) with their weights and masks."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seechange_core.api.fits_files import open_extension, read_pixels, require, require_number
from seechange_core.errors import InputError
from seechange_core.frames import Amplifier, Box, Mask, MaskPlane, Pixels, SectionData
from seechange_decam.file_names import file_of
from seechange_decam.headers import section_cards, section_info
from seechange_decam.mask_codes import planes_of


def read_product(files: tuple[Path, ...], section: str) -> SectionData:
    """Read one CCD of a reduced image: ADU after gain equalisation, sky included."""
    image = file_of(files, "ooi")
    if image is None:
        raise InputError(f"{files[0]}: the reduced image (_ooi_) of this exposure is missing")
    cards = section_cards(image, section)
    data = read_pixels(image, section)
    amplifier = _amplifier(cards, data, f"{image}[{section}]")
    return SectionData(
        data=data,
        unit="adu",
        amplifiers=(amplifier,),
        info=section_info(cards, section, (data.shape[0], data.shape[1]), image),
        header=cards,
        mask=_mask(files, section, data, amplifier.saturation_adu, cards),
        calibrated=True,
    )


def _amplifier(cards: Mapping[str, Any], data: Pixels, where: str) -> Amplifier:
    whole = Box(0, data.shape[0], 0, data.shape[1])
    gain = [require_number(cards, f"GAIN{name}", where) for name in "AB"]
    read_noise = [require_number(cards, f"RDNOISE{name}", where) for name in "AB"]
    return Amplifier(
        name="AB",
        data=whole,
        trimmed=whole,
        overscan=None,
        gain=sum(gain) / 2.0,
        read_noise_electron=sum(read_noise) / 2.0,
        saturation_adu=require_number(cards, "SATURATE", where),
    )


def _mask(
    files: tuple[Path, ...], section: str, data: Pixels, saturation_adu: float, cards: Mapping[str, Any]
) -> Mask:
    """Return what must not be used. Weights hold each pixel's own noise, so nothing but their zeros is taken."""
    weight, quality = (_companion(files, kind, section, data) for kind in ("oow", "ood"))
    if quality is None:
        mask = np.where(data >= saturation_adu, np.uint16(MaskPlane.SATURATED), np.uint16(0))
    else:
        version = str(require(cards, "PLVER", file_of(files, "ooi") or files[0]))
        mask = planes_of(quality.astype(np.int64), version)
    if weight is not None:
        # The pipeline sets the weight of flagged pixels to 0, also where the flag must not mask the pixel.
        unexplained = ~(weight > 0) if quality is None else ~(weight > 0) & (quality == 0)
        mask[unexplained] |= np.uint16(MaskPlane.BAD)
    mask[~np.isfinite(data)] |= np.uint16(MaskPlane.NO_DATA)
    return mask


def _companion(files: tuple[Path, ...], kind: str, section: str, data: Pixels) -> np.ndarray | None:
    path = file_of(files, kind)
    if path is None:
        what = {"oow": "weight (_oow_)", "ood": "mask (_ood_)"}[kind]
        warnings.warn(f"{files[0].name}: its {what} is missing; less is masked than should be", stacklevel=4)
        return None
    with open_extension(path, section) as hdu:
        pixels = hdu.data
    if pixels is None or pixels.shape != data.shape:
        shape = None if pixels is None else pixels.shape
        raise InputError(f"{path}, extension {section}: its shape is {shape}, that of the image {data.shape}")
    return np.asarray(pixels)
