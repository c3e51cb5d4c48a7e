"""Images for other programs: not compressed, with the solutions that were measured as cards."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any, Literal

from astropy.io import fits
from astropy.time import Time

from seechange_core.frames import MASK_MEANINGS, Frame, PhotometricSolution, SkyMapping
from seechange_core.imaging.astrometry.wcs_cards import cards_from_mapping
from seechange_core.store.formats.document import add_cards

_SECONDS_PER_DAY = 86400.0
#: Cards that say where the pixels are on the sky: those that came with the raw data give way to the solution.
_WCS_CARD = re.compile(
    r"WCS(AXES|NAME|DIM)|C(TYPE|UNIT|RVAL|RPIX|DELT|ROTA)\d|(CD|PC|PV)\d_\d+|(LTM|LTV|WAT)\d.*|RADE(SYS|CSYS)"
    r"|EQUINOX|EPOCH|L(ON|AT)POLE|[AB]P?_(ORDER|DMAX|\d_\d)|MAGZERO|MAGZERR"
)


#: Cards of the raw data that are not true of pixels in electrons, or that say once more what `_taken` says.
_RAW_CARD = re.compile(r"E?GAIN.*|CCDGAIN|BUNIT|(MJD|TIME|UT|UTC|DATE|JD)-?OBS|MJD(-(BEG|AVG|END))?")


def exported_bytes(
    frame: Frame,
    mapping: SkyMapping,
    photometry: PhotometricSolution | None,
    distortion: Literal["sip", "tpv"],
) -> bytes:
    """Write an image as FITS: pixels in the primary array, then ``VARIANCE`` and ``MASK``.

    Time, exposure time, filter, gain, read noise and saturation stand under the keywords by which the instrument
    ``fits`` finds them.

    Parameters
    ----------
    frame : Frame
        The image.
    mapping : SkyMapping
        Replaces the WCS that came with the header.
    photometry : PhotometricSolution or None
        Where it is calibrated, written as ``MAGZERO`` (AB, of electrons of the exposure) with its error, ``MAGZERR``.
    distortion : {"sip", "tpv"}
        Form of the mapping's distortion.
    """
    wcs = cards_from_mapping(mapping, frame.shape, distortion)
    zero_point = {}
    if photometry is not None and photometry.calibrated:
        zero_point = {"MAGZERO": photometry.zero_point, "MAGZERR": photometry.zero_point_error}
    primary = fits.PrimaryHDU(frame.data)
    primary.header["BUNIT"] = "electron"
    add_cards(primary, {**wcs, **zero_point, **_taken(frame.info)})
    replaced = (_WCS_CARD, _RAW_CARD)
    kept = {
        key: value
        for key, value in frame.header.items()
        if not any(cards.fullmatch(key) for cards in replaced)
    }
    add_cards(primary, kept)
    variance, mask = fits.ImageHDU(frame.variance, name="VARIANCE"), fits.ImageHDU(frame.mask, name="MASK")
    variance.header["BUNIT"] = "electron2"
    extensions: list[Any] = [variance, mask]
    for hdu in extensions:
        add_cards(hdu, wcs)
    for plane, meaning in MASK_MEANINGS.items():
        mask.header[f"MASK{int(plane).bit_length() - 1}"] = (str(plane.name), meaning)
    buffer = io.BytesIO()
    fits.HDUList([primary, *extensions]).writeto(buffer)
    return buffer.getvalue()


def _taken(info: Mapping[str, Any]) -> dict[str, Any]:
    """Return cards for how the image was taken, as far as it is known."""
    cards = {
        "EXPTIME": info.get("exposure_s"),
        "FILTER": info.get("filter"),
        "GAIN": 1.0,
        "RDNOISE": info.get("read_noise_electron"),
        "SATURATE": info.get("saturation_electron"),
    }
    if "mjd" in info:
        start_mjd = info["mjd"] - info.get("exposure_s", 0.0) / 2.0 / _SECONDS_PER_DAY
        cards |= {"DATE-OBS": Time(start_mjd, format="mjd", precision=6).isot, "MJD-OBS": start_mjd}
    return cards
