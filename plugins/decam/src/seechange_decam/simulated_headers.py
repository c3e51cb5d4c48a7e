"""Headers of simulated raw exposures of DECam, and what its two amplifiers are like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from astropy.time import Time

from seechange_core.frames import Amplifier, Box, SkyMapping
from seechange_core.imaging.astrometry.wcs_cards import cards_from_mapping
from seechange_core.simulation.exposure import Conditions
from seechange_decam.geometry import CCD_NUMBERS, SHAPE, table_rows

RAW_SHAPE = (4146, 2160)
_HALF = SHAPE[1] // 2
#: First column of the light of the left and of the right amplifier, and of their overscan, which lies outside.
_LIGHT_START = (56, 1080)
_OVERSCAN_START = (6, 2104)
_OVERSCAN_COLUMNS = 50
#: Rows of parallel overscan: at the bottom of the S CCDs, at the top of the N CCDs.
_PARALLEL_OVERSCAN_ROWS = 50
_LONG_FILTERS = {row["filter"]: row["long_name"] for row in table_rows("filters.csv")}


@dataclass(frozen=True)
class SimulatedKind:
    """A kind of exposure: letters in its file's name, OBSTYPE, and seconds of exposure."""

    letters: str
    observation: str
    exposure_s: float


KINDS = {
    "science": SimulatedKind("ori", "object", 30.0),
    "bias": SimulatedKind("zri", "zero", 0.0),
    "flat": SimulatedKind("fri", "dome flat", 10.0),
}


def amplifiers_of(section: str) -> tuple[Amplifier, Amplifier]:
    """Return the two amplifiers of a raw CCD; A is the left one on N CCDs and the right one on S CCDs."""
    constants = next(row for row in table_rows("amplifiers.csv") if row["section"] == section)
    return _amplifier(section, "A", constants), _amplifier(section, "B", constants)


def _amplifier(section: str, name: str, constants: Mapping[str, str]) -> Amplifier:
    is_south = section.startswith("S")
    side = int((name == "A") == is_south)
    y0 = _PARALLEL_OVERSCAN_ROWS if is_south else 0
    y1 = y0 + SHAPE[0]
    return Amplifier(
        name=name,
        data=Box(y0, y1, _LIGHT_START[side], _LIGHT_START[side] + _HALF),
        trimmed=Box(0, SHAPE[0], side * _HALF, (side + 1) * _HALF),
        overscan=Box(y0, y1, _OVERSCAN_START[side], _OVERSCAN_START[side] + _OVERSCAN_COLUMNS),
        gain=float(constants[f"gain_{name.lower()}"]),
        read_noise_electron=float(constants[f"read_noise_{name.lower()}"]),
        saturation_adu=float(constants[f"saturation_{name.lower()}"]),
        reversed_x=side == 1,
        reversed_y=is_south,
    )


def primary_cards(
    kind: SimulatedKind, conditions: Conditions, start_mjd: float, pointing: tuple[float, float]
) -> dict[str, Any]:
    """Return the cards of the primary header; `pointing` is right ascension and declination (deg)."""
    return {
        "INSTRUME": "DECam",
        "TELESCOP": "CTIO 4.0-m telescope",
        "PROCTYPE": "RAW",
        "PRODTYPE": "image",
        "OBSTYPE": kind.observation,
        "OBJECT": "simulated field",
        "PROPID": "simulated",
        "FILTER": _LONG_FILTERS[conditions.band],
        "EXPTIME": kind.exposure_s,
        "DATE-OBS": str(Time(start_mjd, format="mjd", scale="utc").isot),
        "MJD-OBS": start_mjd,
        "RA": _sexagesimal(pointing[0] / 15.0),
        "DEC": _sexagesimal(pointing[1]),
        "AIRMASS": conditions.airmass,
    }


def section_cards(section: str, reported: SkyMapping) -> dict[str, Any]:
    """Return the cards of one CCD: its amplifiers, and the WCS that the telescope believes in."""
    cards: dict[str, Any] = {"EXTNAME": section, "CCDNUM": CCD_NUMBERS[section], "DETPOS": section}
    for amplifier in amplifiers_of(section):
        name = amplifier.name
        cards[f"GAIN{name}"] = amplifier.gain
        cards[f"RDNOISE{name}"] = amplifier.read_noise_electron
        cards[f"SATURAT{name}"] = amplifier.saturation_adu
        for keyword in ("DATASEC", "TRIMSEC"):
            cards[f"{keyword}{name}"] = _region(amplifier.data)
        cards[f"CCDSEC{name}"] = _region(amplifier.trimmed)
        cards[f"AMPSEC{name}"] = _in_read_order(amplifier)
        cards[f"VALID{name}"] = True
        if amplifier.overscan is not None:
            cards[f"BIASSEC{name}"] = _region(amplifier.overscan)
    return cards | cards_from_mapping(reported, SHAPE)


def _region(box: Box) -> str:
    return f"[{box.x0 + 1}:{box.x1},{box.y0 + 1}:{box.y1}]"


def _in_read_order(amplifier: Amplifier) -> str:
    """Return the part of the CCD from the corner with the amplifier on: S CCDs are read out from the top."""
    box = amplifier.trimmed
    x, y = (box.x0 + 1, box.x1), (box.y0 + 1, box.y1)
    if amplifier.reversed_x:
        x = x[::-1]
    if amplifier.reversed_y:
        y = y[::-1]
    return f"[{x[0]}:{x[1]},{y[0]}:{y[1]}]"


def _sexagesimal(value: float) -> str:
    thousandths = round(abs(value) * 3.6e6)
    whole, rest = divmod(thousandths, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{'-' if value < 0 else ''}{whole:02d}:{minutes:02d}:{rest / 1000:06.3f}"
