"""What is held in memory while a section is processed. Nothing here touches a file or a database."""

from __future__ import annotations

from seechange_core.deprecation import Renamed, deprecated_names
from seechange_core.frames.arrays import Floats, Mask, Pixels
from seechange_core.frames.background import BackgroundModel
from seechange_core.frames.calibration import Calibration, CalibrationFrame, CalibrationTable
from seechange_core.frames.decisions import DecisionTable, DecisionTest
from seechange_core.frames.difference import AlignedPair, Difference
from seechange_core.frames.fakes import CompletenessTable, FakeTable, RecoveredTable
from seechange_core.frames.frame import Frame
from seechange_core.frames.mapping import SkyMapping
from seechange_core.frames.mask import MASK_MEANINGS, UNUSABLE, MaskPlane, unusable
from seechange_core.frames.orbits import AsteroidTable, OrbitTable
from seechange_core.frames.photometry import PhotometricSolution
from seechange_core.frames.psf import PsfModel
from seechange_core.frames.section import Amplifier, Box, SectionData
from seechange_core.frames.sources import (
    DetectionTable,
    MatchedStarTable,
    MeasurementTable,
    ScoreTable,
    SourceTable,
    StarTable,
)
from seechange_core.frames.stamps import Stamps
from seechange_core.frames.surroundings import SurroundingsTable
from seechange_core.frames.table import ColumnTable

#: Old names that still work, with a warning.
RENAMED: dict[str, Renamed] = {}
__getattr__ = deprecated_names(__name__, RENAMED)

__all__ = [
    "MASK_MEANINGS",
    "UNUSABLE",
    "AlignedPair",
    "Amplifier",
    "AsteroidTable",
    "BackgroundModel",
    "Box",
    "Calibration",
    "CalibrationFrame",
    "CalibrationTable",
    "ColumnTable",
    "CompletenessTable",
    "DecisionTable",
    "DecisionTest",
    "DetectionTable",
    "Difference",
    "FakeTable",
    "Floats",
    "Frame",
    "Mask",
    "MaskPlane",
    "MatchedStarTable",
    "MeasurementTable",
    "OrbitTable",
    "PhotometricSolution",
    "Pixels",
    "PsfModel",
    "RecoveredTable",
    "ScoreTable",
    "SectionData",
    "SkyMapping",
    "SourceTable",
    "Stamps",
    "StarTable",
    "SurroundingsTable",
    "unusable",
]
