"""Which exposures a list of files and folders stands for, and which sections of them are wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seechange_core.api import ExposureHeader
from seechange_core.errors import InputError


def collect(
    instrument: Any, paths: Sequence[Path], *kinds: str
) -> tuple[list[tuple[Path, ...]], dict[Path, str]]:
    """Group files by exposure.

    Parameters
    ----------
    instrument : Instrument
        Whose files are wanted.
    paths : sequence of Path
        Files, or folders that are searched, with all folders below them, for exposures of the kinds.
    *kinds : str
        See `ExposureHeader`; ``"science"`` if none is given. Exposures whose files are named are kept
        whatever they are.

    Returns
    -------
    list of tuple of Path
        The files of each exposure, in the order in which they were named.
    dict of Path to str
        Named files that cannot be used, and why.
    """
    wanted = kinds or ("science",)
    exposures: dict[tuple[Path, ...], None] = {}
    problems: dict[Path, str] = {}
    for path in paths:
        found = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        for file in found:
            try:
                if not file.exists():
                    raise InputError(f"{file} does not exist")
                if instrument.recognises(file):
                    files = tuple(instrument.files_of(file))
                    if file == path or _may_be(wanted, instrument, files):
                        exposures[files] = None
                elif file == path:
                    raise InputError(
                        f"{file} is not recognised as an exposure of {instrument.name}: "
                        "give another --instrument, or check its name"
                    )
            except InputError as error:
                problems[file] = str(error)
        if path.is_dir() and not any(path in file.parents for files in exposures for file in files):
            problems[path] = f"{path} holds no {' or '.join(wanted)} exposure of {instrument.name}"
    return list(exposures), problems


def _may_be(kinds: Sequence[str], instrument: Any, files: tuple[Path, ...]) -> bool:
    try:
        return bool(instrument.read_header(files).kind in kinds)
    except Exception:
        # What is wrong with it is told when it is made known.
        return True


def wanted_sections(
    instrument: Any, header: ExposureHeader, named: Sequence[str], defective: Mapping[str, bool]
) -> list[str]:
    """List the sections of an exposure of the sky that are to be processed.

    Parameters
    ----------
    instrument : Instrument
        Whose exposure it is.
    header : ExposureHeader
        Of the exposure.
    named : sequence of str
        Only these; if empty, all that are not defective.
    defective : mapping of str to bool
        What is known of sections besides the camera's own description, which it overrides.

    Raises
    ------
    InputError
        If the exposure is not of the sky, or a named section is none of its camera's.
    """
    if header.kind != "science":
        raise InputError(f"this is a {header.kind}, not an image of the sky")
    described = instrument.sections
    known = tuple(dict.fromkeys([*described, *header.sections]))
    unknown = [section for section in named if section not in known]
    if unknown:
        raise InputError(f"no section is called {', '.join(unknown)}; there are {', '.join(known)}")
    # A raw exposure holds every CCD: one that is missing is an error of that section, not a silence.
    present = known if header.processing == "raw" else header.sections
    left_out = {geometry.id: geometry.defective for geometry in described.values()} | dict(defective)
    return list(named) or [section for section in present if not left_out.get(section, False)]
