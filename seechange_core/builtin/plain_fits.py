"""Reading of FITS images of which nothing is known beforehand: what the file does not say stays unknown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits

from seechange_core.api.fits_files import open_fits, plain_cards, read_cards, read_pixels
from seechange_core.errors import InputError, StoreError
from seechange_core.frames import Mask, MaskPlane, Pixels, PsfModel
from seechange_core.frames.mask import MASK_DTYPE
from seechange_core.imaging.astrometry.wcs_cards import mapping_from_cards
from seechange_core.imaging.psf.normalisation import measured_fwhm
from seechange_core.imaging.psf.psfex import psf_from_psfex
from seechange_core.steps.plain_images import PlainImage
from seechange_core.store.formats.psf import read_psf

if TYPE_CHECKING:
    from seechange_core.builtin.fits_images import FitsParams

#: Names of extensions that hold a plane beside the image, and how a variance follows from it.
_VARIANCES = {
    "VARIANCE": 1,
    "VAR": 1,
    "IVAR": -1,
    "INVVAR": -1,
    "WEIGHT": -1,
    "WHT": -1,
    "ERR": 2,
    "ERROR": 2,
}
#: Names of the image itself, where there are other ones too.
_IMAGES = ("SCI", "IMAGE", "DIFFERENCE")
_MASKS = ("MASK", "DQ", "BPM", "BADPIX", "FLAGS")
_PSFS = ("PSF", "PSF_DATA", "PSF_INFO")
_GAINS = ("EGAIN", "CCDGAIN", "GAINEFF", "GAINA")
_ELECTRONS = {"electron", "electrons", "e", "e-", "photoelectron"}


def read_plain_image(path: Path, params: FitsParams) -> PlainImage:
    """Read an image with whatever came with it in the same file.

    Parameters
    ----------
    path : Path
        FITS, compressed or not. The image is the first HDU, or else the only extension with two axes that is not named
        as something else.
    params : FitsParams
        Settings of the instrument ``fits``: constants, keywords and extensions that are given there win over what
        the names in the file suggest.

    Raises
    ------
    InputError
        If the file is missing, truncated, no FITS, or has no image, or several of which none is chosen; if planes
        differ in shape; if the image is all NaN.
    """
    names = _image_extensions(path)
    place = params.extension if params.extension in names else _only_image(path, names, params)
    data = read_pixels(path, place)
    if not np.isfinite(data).any():
        raise InputError(f"{path}, extension {place!r}: no pixel has a finite value")
    cards = read_cards(path)
    if place != 0:
        cards |= read_cards(path, place)
    gain, gain_from = _gain(cards, params)
    mapping = mapping_from_cards(cards, str(path)) if "CTYPE1" in cards and "CRVAL1" in cards else None
    variance = _variance(path, names, params, data.shape)
    info: dict[str, Any] = {"instrument": "fits", "section": params.section}
    if mapping is not None:
        info["pixel_scale_arcsec"] = mapping.pixel_scale_arcsec
    exposure_s = _positive(cards, params.exposure_keyword)
    if exposure_s is not None:
        info["exposure_s"] = exposure_s
    if params.filter or isinstance(cards.get(params.filter_keyword), str):
        info["filter"] = params.filter or cards[params.filter_keyword]
    return PlainImage(
        name=str(path),
        data=data,
        mask=_mask(path, names, params, data, cards),
        variance=variance,
        gain=gain,
        gain_from=gain_from,
        mapping=mapping,
        psf=_psf(path),
        info=info,
        header=cards,
    )


def _image_extensions(path: Path) -> dict[int | str, str]:
    """Return number and name of all extensions with an image of two axes; each image is there under both."""
    found: dict[int | str, str] = {}
    with open_fits(path) as hdus:
        for number, hdu in enumerate(hdus):
            axes = hdu.header.get("ZNAXIS" if hdu.header.get("ZIMAGE") else "NAXIS", 0)
            if axes == 2 and (hdu.is_image or isinstance(hdu, fits.CompImageHDU)):
                found |= {number: hdu.name, hdu.name or number: hdu.name}
    return found


def _only_image(path: Path, names: Mapping[int | str, str], params: FitsParams) -> int:
    """Return the number of the image, where the file leaves no doubt about it."""
    others = {*_VARIANCES, *_MASKS, *_PSFS}
    images = [place for place, name in names.items() if isinstance(place, int) and name not in others]
    if not images:
        raise InputError(f"{path}: there is no image of two axes in it")
    listed = ", ".join(names[place] or str(place) for place in images)
    if params.extension != 0:
        raise InputError(
            f"{path}: instrument.fits.extension names {params.extension!r}, which is none of its images: {listed}"
        )
    science = [place for place in images if names[place] in _IMAGES]
    chosen = science if len(science) == 1 else images
    if len(chosen) > 1:
        example = names[images[0]] or images[0]
        raise InputError(
            f"{path}: it holds {len(images)} images, the extensions {listed}; "
            f"choose one, such as --set instrument.fits.extension={example}"
        )
    return chosen[0]


def _gain(cards: Mapping[str, Any], params: FitsParams) -> tuple[float | None, str]:
    """Return electrons per unit of the image, as far as settings or cards tell it."""
    if params.gain is not None:
        return params.gain, "instrument.fits.gain"
    unit, _, per = str(cards.get("BUNIT", "")).strip().lower().partition("/")
    factor, seconds = 1.0, ""
    if params.per_second or per.strip() in {"s", "sec", "second"}:
        exposure_s = params.exposure_s or _positive(cards, params.exposure_keyword)
        if exposure_s is None:
            return None, ""
        factor, seconds = exposure_s, f" times {params.exposure_keyword}"
    if unit.strip() in _ELECTRONS:
        return factor, f"BUNIT{seconds}"
    for keyword in (params.gain_keyword, *_GAINS):
        gain = _positive(cards, keyword)
        if gain is not None:
            return gain * factor, f"{keyword}{seconds}"
    return None, ""


def _positive(cards: Mapping[str, Any], keyword: str) -> float | None:
    value = cards.get(keyword)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and value > 0 else None


def _plane(path: Path, names: Mapping[int | str, str], wanted: Any, shape: tuple[int, ...]) -> Pixels | None:
    place = next((name for name in wanted if name in names), None)
    if place is None:
        return None
    plane = read_pixels(path, place)
    if plane.shape != shape:
        raise InputError(f"{path}: extension {place!r} has the shape {plane.shape}, the image has {shape}")
    return plane


def _variance(
    path: Path, names: Mapping[int | str, str], params: FitsParams, shape: tuple[int, ...]
) -> Pixels | None:
    """Return the variance (squared units of the image); 0 where there is no weight."""
    wanted = _VARIANCES if params.weight_extension is None else (params.weight_extension,)
    plane = _plane(path, names, wanted, shape)
    if plane is None or (params.weight_extension is not None and params.weight_type == "relative"):
        return None
    name = names[next(name for name in wanted if name in names)]
    power = _VARIANCES.get(name, 1)
    if params.weight_extension is not None:
        power = 1 if params.weight_type == "variance" else -1
    known = np.isfinite(plane) & (plane > 0)
    return np.power(plane, np.float32(power), out=np.zeros_like(plane), where=known)


def _mask(
    path: Path, names: Mapping[int | str, str], params: FitsParams, data: Pixels, cards: Mapping[str, Any]
) -> Mask:
    """Return the file's mask, with the pixels at saturation where the file says what that is."""
    mask = np.zeros(data.shape, MASK_DTYPE)
    wanted = _MASKS if params.mask_extension is None else (params.mask_extension,)
    plane = _plane(path, names, wanted, data.shape)
    if plane is not None:
        place = next(name for name in wanted if name in names)
        values = plane.astype(np.int64)
        own = "MASK0" in read_cards(path, place) and not params.mask_bits
        if own:
            mask |= values.astype(MASK_DTYPE)
        else:
            for name, bits in (params.mask_bits or {"bad": -1}).items():
                mask[(values & bits) != 0] |= MASK_DTYPE(MaskPlane[name.upper()])
    level = params.saturation or _positive(cards, params.saturation_keyword)
    if level is not None:
        mask[data >= level] |= MASK_DTYPE(MaskPlane.SATURATED)
    return mask


def _psf(path: Path) -> PsfModel | None:
    """Return the PSF model in the file: our own, PSFEx's, or one stamp."""
    with open_fits(path) as hdus:
        names = [hdu.name for hdu in hdus]
        if "PSF_DATA" in names:
            table = hdus["PSF_DATA"]
            return psf_from_psfex(plain_cards(table.header), table.data["PSF_MASK"])
        if "PSF" not in names:
            return None
        samples = hdus["PSF"].data
    if "METADATA" in names:
        try:
            return read_psf(path)
        except StoreError as error:
            raise InputError(str(error)) from error
    if (
        samples is None
        or samples.ndim != 2
        or samples.shape[0] != samples.shape[1]
        or samples.shape[0] % 2 == 0
    ):
        raise InputError(f"{path}: extension 'PSF' is no square stamp of an odd number of pixels")
    model = PsfModel(np.asarray(samples, np.float32)[None])
    return PsfModel(model.coefficients, fwhm=measured_fwhm(model, 0.0, 0.0))
