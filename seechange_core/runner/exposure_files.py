"""Which exposures a list of files and folders stands for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seechange_core.errors import InputError


def collect(instrument: Any, paths: Sequence[Path]) -> tuple[list[tuple[Path, ...]], dict[Path, str]]:
    """Group files by exposure.

    Parameters
    ----------
    instrument : Instrument
        Whose files are wanted.
    paths : sequence of Path
        Files, or folders that are searched with all folders below them.

    Returns
    -------
    list of tuple of Path
        The files of each exposure, in the order in which they were named.
    dict of Path to str
        Named files that cannot be used, and why.
    """
    exposures: dict[tuple[Path, ...], None] = {}
    problems: dict[Path, str] = {}
    for path in paths:
        found = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        for file in found:
            try:
                if not file.exists():
                    raise InputError(f"{file} does not exist")
                if instrument.recognises(file):
                    exposures[tuple(instrument.files_of(file))] = None
                elif file == path:
                    raise InputError(
                        f"{file} is no exposure of {instrument.name}; give another --instrument?"
                    )
            except InputError as error:
                problems[file] = str(error)
        if path.is_dir() and not any(path in file.parents for files in exposures for file in files):
            problems[path] = f"{path} holds no exposure of {instrument.name}"
    return list(exposures), problems
