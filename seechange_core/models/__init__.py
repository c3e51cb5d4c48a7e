"""The tables."""

from __future__ import annotations

from seechange_core.models.background import Background
from seechange_core.models.badness import Badness
from seechange_core.models.base import Base, row_id
from seechange_core.models.calibrator_file import CalibratorFile
from seechange_core.models.catalog_excerpt import CatalogExcerpt
from seechange_core.models.completeness import Completeness
from seechange_core.models.cutouts import Cutouts
from seechange_core.models.data_file import DataFile
from seechange_core.models.decisions import Decisions
from seechange_core.models.deep_score import DeepScore
from seechange_core.models.exposure import Exposure
from seechange_core.models.forced_photometry import ForcedPhotometry
from seechange_core.models.image import Image, ImageMember
from seechange_core.models.measurements import Measurements
from seechange_core.models.object import Object, ObjectCounter, ObjectFlag
from seechange_core.models.product import Binding, Product, ProductInput
from seechange_core.models.provenance import CodeVersion, Provenance, ProvenanceTag
from seechange_core.models.psf import PSF
from seechange_core.models.reference import Reference, RefSet
from seechange_core.models.report import Report
from seechange_core.models.sensor_section import SensorSection
from seechange_core.models.source_list import SourceList
from seechange_core.models.surroundings import Surroundings
from seechange_core.models.world_coordinates import WorldCoordinates
from seechange_core.models.zero_point import ZeroPoint

__all__ = [
    "PSF",
    "Background",
    "Badness",
    "Base",
    "Binding",
    "CalibratorFile",
    "CatalogExcerpt",
    "CodeVersion",
    "Completeness",
    "Cutouts",
    "DataFile",
    "Decisions",
    "DeepScore",
    "Exposure",
    "ForcedPhotometry",
    "Image",
    "ImageMember",
    "Measurements",
    "Object",
    "ObjectCounter",
    "ObjectFlag",
    "Product",
    "ProductInput",
    "Provenance",
    "ProvenanceTag",
    "RefSet",
    "Reference",
    "Report",
    "SensorSection",
    "SourceList",
    "Surroundings",
    "WorldCoordinates",
    "ZeroPoint",
    "row_id",
]
