"""The two forms of LS4's raw files: one for the whole exposure, or one for each CCD or amplifier."""

from __future__ import annotations

import re
from pathlib import Path

from seechange_core.errors import InputError

_WHOLE = re.compile(r"\d{14}[a-z]_\d+\.fits(\.fz)?")
_PART = re.compile(
    r"(?P<start>\d{14}[a-z])C(?P<controller>[0-3])_(?P<number>\d+)_(?P<part>\d{2})(?P<suffix>\.fits(?:\.fz)?)"
)
_CONTROLLERS = range(4)
#: CCDs of a controller; with two amplifiers a CCD there are twice as many files.
_CCDS = 8


def recognised(path: Path) -> bool:
    """Tell whether a file has one of the two forms."""
    return (_WHOLE.fullmatch(path.name) or _PART.fullmatch(path.name)) is not None


def files_of(path: Path) -> tuple[Path, ...]:
    """Return all files of the exposure to which one belongs, by controller and number.

    Raises
    ------
    InputError
        If one is missing; names all that are.
    """
    match = _PART.fullmatch(path.name)
    if match is None:
        return (path,)

    def part(controller: int, number: int) -> Path:
        name = f"{match['start']}C{controller}_{match['number']}_{number:02d}{match['suffix']}"
        return path.with_name(name)

    dual = any(
        part(controller, number).exists() for controller in _CONTROLLERS for number in range(_CCDS, 2 * _CCDS)
    )
    wanted = [part(controller, number) for controller in _CONTROLLERS for number in range(_CCDS * (1 + dual))]
    missing = [file.name for file in wanted if not file.exists()]
    if missing:
        raise InputError(
            f"{path.parent} lacks {len(missing)} of {len(wanted)} files of one exposure: {', '.join(missing)}"
        )
    return tuple(wanted)
