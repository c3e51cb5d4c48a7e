"""How each kind of product looks in a file: functions that write and read it, by role.

A file holds exactly what reading gives back; what a format rounds is rounded once, before anything is computed from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seechange_core.frames import (
    DetectionTable,
    MatchedStarTable,
    MeasurementTable,
    RecoveredTable,
    ScoreTable,
    SourceTable,
    SurroundingsTable,
)
from seechange_core.store.formats.background import background_bytes, read_background
from seechange_core.store.formats.calibration import calibration_bytes, read_calibration
from seechange_core.store.formats.difference import difference_bytes, read_difference
from seechange_core.store.formats.frame import frame_bytes, read_frame
from seechange_core.store.formats.psf import psf_bytes, read_psf
from seechange_core.store.formats.stamps import read_stamps, stamps_bytes
from seechange_core.store.formats.tables import reader_of, table_bytes


@dataclass(frozen=True)
class FileFormat:
    """How one role is written and read.

    Parameters
    ----------
    to_bytes : callable
        In-memory product to the bytes of a file; equal products give equal bytes.
    read : callable
        Path to in-memory product; a `StoreError` names a file that cannot be read.
    """

    to_bytes: Callable[[Any], bytes]
    read: Callable[[Path], Any]


#: Roles that have a file; ``mapping`` and ``photometry`` are in their rows completely.
FILE_FORMATS: Mapping[str, FileFormat] = {
    "image": FileFormat(frame_bytes, read_frame),
    "background": FileFormat(background_bytes, read_background),
    "sources": FileFormat(table_bytes, reader_of(SourceTable)),
    "psf": FileFormat(psf_bytes, read_psf),
    "supplied_psf": FileFormat(psf_bytes, read_psf),
    "matched_stars": FileFormat(table_bytes, reader_of(MatchedStarTable)),
    "difference": FileFormat(difference_bytes, read_difference),
    "aligned_reference": FileFormat(frame_bytes, read_frame),
    "detections": FileFormat(table_bytes, reader_of(DetectionTable)),
    "stamps": FileFormat(stamps_bytes, read_stamps),
    "measurements": FileFormat(table_bytes, reader_of(MeasurementTable)),
    "surroundings": FileFormat(table_bytes, reader_of(SurroundingsTable)),
    "scores": FileFormat(table_bytes, reader_of(ScoreTable)),
    "recovered": FileFormat(table_bytes, reader_of(RecoveredTable)),
    "calibration": FileFormat(calibration_bytes, read_calibration),
}
