"""Right ascension and declination as people write them."""

from __future__ import annotations

import math
import re
from typing import Any

import click

_SEXAGESIMAL = re.compile(
    r"(?P<sign>[+-]?)(?P<first>\d{1,3})[:hd ]+(?P<minutes>\d{1,2})(?:[:m' ]+(?P<seconds>\d{1,2}(?:\.\d*)?)[s\"]?)?m?"
)
_EXAMPLES = {"RA": "150.14662 or 10:00:35.19", "DEC": "2.20688, -45.5 or -45:30:00"}


class _Angle(click.ParamType):
    """Degrees, or hours or degrees with minutes and seconds."""

    def __init__(self, name: str, least: float, most: float, degrees_per_unit: float) -> None:
        self.name = name
        self._least, self._most, self._degrees_per_unit = least, most, degrees_per_unit

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        degrees = _degrees(str(value).strip(), self._degrees_per_unit)
        if degrees is None:
            self.fail(f"{value!r} is no {self.name}; write it like {_EXAMPLES[self.name]}", param, ctx)
        if not self._least <= degrees <= self._most:
            self.fail(
                f"{value} is not between {self._least:g} and {self._most:g} degrees; RA comes first, then DEC",
                param,
                ctx,
            )
        return degrees


def _degrees(text: str, degrees_per_unit: float) -> float | None:
    try:
        degrees = float(text)
    except ValueError:
        found = _SEXAGESIMAL.fullmatch(text)
        if found is None:
            return None
        minutes, seconds = float(found["minutes"]), float(found["seconds"] or 0.0)
        if minutes >= 60 or seconds >= 60:
            return None
        size = float(found["first"]) + minutes / 60.0 + seconds / 3600.0
        return math.copysign(size, -1.0 if found["sign"] == "-" else 1.0) * degrees_per_unit
    return degrees if math.isfinite(degrees) else None


#: Types of click: degrees from text.
RA = _Angle("RA", 0.0, 360.0, 15.0)
DEC = _Angle("DEC", -90.0, 90.0, 1.0)


def sexagesimal(ra: float, dec: float) -> str:
    """Return a position (deg) as hours and degrees with minutes and seconds: ``10:00:35.189 +02:12:24.77``."""
    sign = "-" if math.copysign(1.0, dec) < 0 else "+"
    return f"{_parts(ra % 360.0 / 15.0, 24, 3)} {sign}{_parts(abs(dec), None, 2)}"


def _parts(value: float, wrap: int | None, decimals: int) -> str:
    # Rounded as a whole, so that no 60 seconds appear.
    scale = 10**decimals
    ticks = round(value * 3600 * scale)
    whole, fraction = divmod(ticks, scale)
    minutes, seconds = divmod(whole, 60)
    units, minutes = divmod(minutes, 60)
    units = units % wrap if wrap else units
    return f"{units:02d}:{minutes:02d}:{seconds:02d}.{fraction:0{decimals}d}"
