"""Reading of calibrated single-CCD images, as `seechange_core.builtin.fits_images` describes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.time import Time

from seechange_core.api import ExposureHeader
from seechange_core.api.fits_files import read_cards, read_pixels, require, require_number
from seechange_core.errors import InputError
from seechange_core.frames import Amplifier, Box, Mask, MaskPlane, Pixels, SectionData
from seechange_core.frames.mask import MASK_DTYPE
from seechange_core.imaging.astrometry.wcs_cards import mapping_from_cards

if TYPE_CHECKING:
    from seechange_core.builtin.fits_images import FitsParams

_SECONDS_PER_DAY = 86400.0


def read_image_cards(path: Path, params: FitsParams) -> dict[str, Any]:
    """Return the primary cards and, over them, those of the image's extension."""
    cards = read_cards(path)
    return cards if params.extension == 0 else cards | read_cards(path, params.extension)


def read_header(path: Path, params: FitsParams) -> ExposureHeader:
    """Read what the header says of the exposure."""
    cards = read_image_cards(path, params)
    info = _info(cards, path, params)
    return ExposureHeader(
        kind="science",
        mjd=info["mjd"],
        exposure_s=info["exposure_s"],
        filter=info["filter"],
        ra_deg=info.get("ra_deg"),
        dec_deg=info.get("dec_deg"),
        sections=(params.section,),
        target=str(cards.get("OBJECT", "")),
        processing="calibrated",
        header=cards,
    )


def read_section(files: Sequence[Path], section: str, params: FitsParams) -> SectionData:
    """Read pixels, weight map and mask; `files` as `FitsImages.files_of` returns them."""
    path = files[0]
    if section != params.section:
        raise InputError(f"{path} has no section {section!r}, only {params.section!r}")
    cards = read_image_cards(path, params)
    info = _info(cards, path, params)
    data = read_pixels(path, params.extension)
    gain = 1.0 if params.unit == "electron" and params.gain is None else _number(cards, path, params, "gain")
    saturation = _number(cards, path, params, "saturation")
    if params.per_second:
        data, saturation = data * np.float32(info["exposure_s"]), saturation * info["exposure_s"]
    whole = Box(0, data.shape[0], 0, data.shape[1])
    amplifier = Amplifier(
        name="all",
        data=whole,
        trimmed=whole,
        overscan=None,
        gain=gain,
        read_noise_electron=_number(cards, path, params, "read_noise", "read_noise_electron"),
        saturation_adu=saturation / (gain if params.unit == "electron" else 1.0),
    )
    weight = _plane(files, params.weight_file, 1, params.weight_extension, data.shape)
    mask_place = 1 + (params.weight_file is not None)
    flags = _plane(files, params.mask_file, mask_place, params.mask_extension, data.shape)
    return SectionData(
        data,
        params.unit,
        (amplifier,),
        info,
        cards,
        mask=_mask(weight, flags, params, data.shape),
        variance=_variance(weight, params),
        calibrated=True,
    )


def _info(cards: Mapping[str, Any], path: Path, params: FitsParams) -> dict[str, Any]:
    exposure_s = _number(cards, path, params, "exposure", "exposure_s")
    info: dict[str, Any] = {
        "mjd": _middle_mjd(cards, path, params, exposure_s),
        "exposure_s": exposure_s,
        "filter": params.filter or str(_required(cards, path, params, "filter", "filter")),
        "instrument": "fits",
        "section": params.section,
    }
    if "CTYPE1" in cards:
        mapping = mapping_from_cards(cards, str(path))
        shape = (require_number(cards, "NAXIS2", path), require_number(cards, "NAXIS1", path))
        ra, dec = mapping.pixel_to_sky((shape[1] - 1) / 2, (shape[0] - 1) / 2)
        info |= {"ra_deg": float(ra), "dec_deg": float(dec), "pixel_scale_arcsec": mapping.pixel_scale_arcsec}
    return info


def _number(cards: Mapping[str, Any], path: Path, params: FitsParams, what: str, constant: str = "") -> float:
    """Return the constant that the parameters give, or what the keyword says."""
    given = getattr(params, constant or what)
    if given is not None:
        return float(given)
    return float(_required(cards, path, params, what, constant or what, require_number))


def _required(
    cards: Mapping[str, Any],
    path: Path,
    params: FitsParams,
    what: str,
    constant: str = "",
    read: Callable[[Mapping[str, Any], str, Path], Any] = require,
) -> Any:
    """Return what a keyword says; if it is missing, tell with which parameters the profile can help."""
    try:
        return read(cards, getattr(params, f"{what}_keyword"), path)
    except InputError as error:
        other = f" or instrument.fits.{constant}" if constant else ""
        raise InputError(f"{error}; set instrument.fits.{what}_keyword{other}") from error


def _middle_mjd(cards: Mapping[str, Any], path: Path, params: FitsParams, exposure_s: float) -> float:
    value = _required(cards, path, params, "time")
    try:
        if params.time_format == "iso":
            if ":" not in str(value):
                raise ValueError("a date without the time of day")
            time = Time(str(value), scale="utc")
        else:
            time = Time(float(value), format=params.time_format, scale="utc")
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{path}: keyword {params.time_keyword} is {value!r}, not a time in the format {params.time_format}; "
            "set instrument.fits.time_keyword and instrument.fits.time_format"
        ) from error
    return float(time.mjd) + (exposure_s / 2.0 / _SECONDS_PER_DAY if params.time_is == "start" else 0.0)


def _plane(
    files: Sequence[Path],
    pattern: str | None,
    place: int,
    extension: int | str | None,
    shape: tuple[int, ...],
) -> Pixels | None:
    """Read a plane from an extension of the image's file or, if a pattern was given, from a file of its own."""
    if pattern is None and extension is None:
        return None
    path = files[0] if pattern is None else files[place]
    plane = read_pixels(path, 0 if extension is None else extension)
    if plane.shape != shape:
        raise InputError(f"{path}: has the shape {plane.shape}, the image {files[0].name} has {shape}")
    return plane


def _variance(weight: Pixels | None, params: FitsParams) -> Pixels | None:
    if weight is None or params.weight_type == "relative":
        return None
    if params.weight_type == "variance":
        return weight
    return np.divide(1.0, weight, out=np.zeros_like(weight), where=weight > 0)


def _mask(weight: Pixels | None, flags: Pixels | None, params: FitsParams, shape: tuple[int, ...]) -> Mask:
    mask = np.zeros(shape, MASK_DTYPE)
    if weight is not None:
        mask[~(weight > 0)] |= MASK_DTYPE(MaskPlane.BAD)
    if flags is not None:
        values = flags.astype(np.int64)
        bits = params.mask_bits or {"bad": -1}
        for name, wanted in bits.items():
            mask[(values & wanted) != 0] |= MASK_DTYPE(MaskPlane[name.upper()])
    return mask
