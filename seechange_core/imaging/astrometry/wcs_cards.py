"""FITS header cards to a sky mapping and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from seechange_core.errors import InputError
from seechange_core.frames import Floats, SkyMapping
from seechange_core.frames.mapping import tpv_terms
from seechange_core.frames.polynomial import design_matrix, exponents
from seechange_core.imaging.astrometry.tpv import as_sip, as_tpv

_PROJECTIONS = ("TAN", "TAN-SIP", "TPV")
_SYSTEMS = ("ICRS", "FK5")
_INVERSE_GRID = 25


def mapping_from_cards(header: Mapping[str, Any], where: str = "the header") -> SkyMapping:
    """Read the sky mapping that FITS cards describe.

    Understood are the gnomonic projection with SIP (``TAN-SIP``) or polynomial distortion (``TPV``, and
    ``TAN`` with PV cards as SCAMP wrote it), scale and rotation as CD, PC with CDELT, or CDELT with CROTA2,
    and either order of the axes.

    Parameters
    ----------
    header : mapping
        Keyword to value.
    where : str
        Named in errors: file and extension.

    Raises
    ------
    InputError
        If a card is missing or says what a `SkyMapping` cannot: names the keyword.
    """
    axes = _axes(header, where)
    _check_system(header, where)
    projection = str(header[f"CTYPE{axes[0]}"]).strip().upper()[5:]
    crval = (_number(header, f"CRVAL{axes[0]}", where), _number(header, f"CRVAL{axes[1]}", where))
    crpix = (_number(header, "CRPIX1", where) - 1.0, _number(header, "CRPIX2", where) - 1.0)
    cd = _cd(header, where)
    if axes == (2, 1):
        cd = cd[::-1].copy()
    pv1, pv2 = _pv(header, axes[0]), _pv(header, axes[1])
    if projection == "TPV" or ("A_ORDER" not in header and _is_scamp(header, axes)):
        return SkyMapping(crval, crpix, cd, pv1=pv1, pv2=pv2)
    longitude_of_pole = header.get(f"PV{axes[0]}_3", header.get("LONPOLE", 180.0))
    if abs(float(longitude_of_pole) - 180.0) > 1e-9:
        raise InputError(f"{where}: LONPOLE is {longitude_of_pole}; only 180 is supported for projection TAN")
    return SkyMapping(crval, crpix, cd, sip_a=_sip(header, "A", where), sip_b=_sip(header, "B", where))


def cards_from_mapping(
    mapping: SkyMapping, shape: tuple[int, int], distortion: Literal["sip", "tpv"] | None = None
) -> dict[str, Any]:
    """Write a sky mapping as FITS cards.

    Parameters
    ----------
    mapping : SkyMapping
        With SIP terms it becomes TAN-SIP, with TPV terms TPV, with neither TAN.
    shape : tuple of int
        Rows and columns of the image, over which SIP's inverse terms (AP, BP) are fitted.
    distortion : {"sip", "tpv"}, optional
        Write the distortion in this form, whichever the mapping has: SWarp ignores SIP silently and needs TPV; much
        other software reads only SIP.

    Returns
    -------
    dict
        Keyword to value.

    Raises
    ------
    ValueError
        If the mapping has SIP and TPV terms at once, for which there is no standard.
    """
    if distortion is not None:
        mapping = {"sip": as_sip, "tpv": as_tpv}[distortion](mapping, shape)
    has_sip, has_tpv = bool(np.any(mapping.sip_a) or np.any(mapping.sip_b)), bool(mapping.pv1 or mapping.pv2)
    if has_sip and has_tpv:
        raise ValueError("a mapping with both SIP and TPV terms cannot be written to a FITS header")
    projection = "TPV" if has_tpv else "TAN-SIP" if has_sip else "TAN"
    cards: dict[str, Any] = {"WCSAXES": 2, "CTYPE1": f"RA---{projection}", "CTYPE2": f"DEC--{projection}"}
    cards |= {"CUNIT1": "deg", "CUNIT2": "deg", "RADESYS": "ICRS"}
    for axis in (0, 1):
        cards[f"CRVAL{axis + 1}"] = float(mapping.crval[axis])
        cards[f"CRPIX{axis + 1}"] = float(mapping.crpix[axis]) + 1.0
        for other in (0, 1):
            cards[f"CD{axis + 1}_{other + 1}"] = float(mapping.cd[axis, other])
    if has_tpv:
        for axis, values in ((1, mapping.pv1), (2, mapping.pv2)):
            terms = enumerate(values or (0.0, 1.0))
            cards |= {f"PV{axis}_{number}": float(value) for number, value in terms if value or number < 2}
    if has_sip:
        inverse_a, inverse_b = _inverse_sip(mapping, shape)
        named = {"A": mapping.sip_a, "B": mapping.sip_b, "AP": inverse_a, "BP": inverse_b}
        for name, matrix in named.items():
            cards[f"{name}_ORDER"] = matrix.shape[0] - 1
            for p, q in zip(*np.nonzero(matrix), strict=True):
                cards[f"{name}_{p}_{q}"] = float(matrix[p, q])
    return cards


def _number(header: Mapping[str, Any], keyword: str, where: str, default: float | None = None) -> float:
    value = header.get(keyword, default)
    if value is None:
        raise InputError(f"{where} has no {keyword}: no sky mapping can be read from it")
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{where}: {keyword} is {value!r}, not a finite number")
    return number


def _axes(header: Mapping[str, Any], where: str) -> tuple[int, int]:
    """Return the numbers of the axes of right ascension and declination."""
    types = [str(header.get(f"CTYPE{axis}", "")).strip().upper() for axis in (1, 2)]
    for axes in ((1, 2), (2, 1)):
        ra, dec = types[axes[0] - 1], types[axes[1] - 1]
        if ra[:5] == "RA---" and ra[5:] in _PROJECTIONS and dec == f"DEC--{ra[5:]}":
            return axes
    found = f"CTYPE1 and CTYPE2 are {types[0]!r} and {types[1]!r}"
    raise InputError(f"{where}: {found}; supported are RA and DEC in {', '.join(_PROJECTIONS)}")


def _check_system(header: Mapping[str, Any], where: str) -> None:
    system = str(header.get("RADESYS", header.get("RADECSYS", ""))).strip().upper()
    equinox = float(header.get("EQUINOX", 2000.0))
    if (system and system not in _SYSTEMS) or (system != "ICRS" and equinox != 2000.0):
        found = f"RADESYS {system!r} with EQUINOX {equinox}"
        raise InputError(f"{where}: {found} is not supported; ICRS or FK5 2000 is")
    for axis in (1, 2):
        unit = str(header.get(f"CUNIT{axis}", "deg")).strip().lower()
        if unit not in {"", "deg", "degree", "degrees"}:
            raise InputError(f"{where}: CUNIT{axis} is {unit!r}; only deg is supported")


def _cd(header: Mapping[str, Any], where: str) -> Floats:
    pairs = [(i, j) for i in (1, 2) for j in (1, 2)]
    if any(f"CD{i}_{j}" in header for i, j in pairs):
        cd = np.array([_number(header, f"CD{i}_{j}", where, 0.0) for i, j in pairs]).reshape(2, 2)
    else:
        step = np.array([_number(header, f"CDELT{axis}", where) for axis in (1, 2)])
        if any(f"PC{i}_{j}" in header for i, j in pairs):
            turn = [_number(header, f"PC{i}_{j}", where, float(i == j)) for i, j in pairs]
            cd = step[:, None] * np.reshape(turn, (2, 2))
        else:
            angle = math.radians(_number(header, "CROTA2", where, 0.0))
            cosine, sine = math.cos(angle), math.sin(angle)
            cd = np.array([[step[0] * cosine, -step[1] * sine], [step[0] * sine, step[1] * cosine]])
    if abs(np.linalg.det(cd)) < 1e-30:
        raise InputError(f"{where}: the CD matrix {cd.tolist()} cannot be inverted")
    return cd


def _is_scamp(header: Mapping[str, Any], axes: tuple[int, int]) -> bool:
    """Tell SCAMP's distortion under the name TAN from the standard's own PV1_1 to PV1_4 (native pole)."""
    on_longitude = any(f"PV{axes[0]}_{number}" in header for number in (0, *range(5, 40)))
    return on_longitude or any(f"PV{axes[1]}_{number}" in header for number in range(40))


def _pv(header: Mapping[str, Any], axis: int) -> tuple[float, ...]:
    numbers = range(len(tpv_terms()))
    values = [float(header.get(f"PV{axis}_{number}", number == 1)) for number in numbers]
    last = max((number for number, value in enumerate(values) if value), default=1)
    return tuple(values[: max(last, 1) + 1])


def _sip(header: Mapping[str, Any], name: str, where: str) -> Floats:
    order = int(_number(header, f"{name}_ORDER", where, 0.0))
    values = np.zeros((order + 1, order + 1))
    for p, q in exponents(order):
        values[p, q] = _number(header, f"{name}_{p}_{q}", where, 0.0)
    return values


def _inverse_sip(mapping: SkyMapping, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Fit u = U + AP(U, V), v = V + BP(U, V) over the image; one degree more than the forward terms."""
    degree = max(mapping.sip_a.shape[0], mapping.sip_b.shape[0])
    y, x = np.meshgrid(*(np.linspace(-0.5, side - 0.5, _INVERSE_GRID) for side in shape), indexing="ij")
    xi, eta = mapping.pixel_to_plane(x.ravel(), y.ravel())
    focal = np.linalg.inv(mapping.cd) @ np.stack([xi, eta])
    scale = float(np.abs(focal).max())
    terms = design_matrix(focal[0] / scale, focal[1] / scale, degree)
    pixel = np.stack([x.ravel() - mapping.crpix[0], y.ravel() - mapping.crpix[1]])
    solution = np.linalg.lstsq(terms, (pixel - focal).T, rcond=None)[0]
    inverse = np.zeros((2, degree + 1, degree + 1))
    for number, (p, q) in enumerate(exponents(degree)):
        inverse[:, p, q] = solution[number] / scale ** (p + q)
    return inverse[0], inverse[1]
