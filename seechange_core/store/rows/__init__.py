"""The rows of each kind of product, by role."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from seechange_core.models import Base
from seechange_core.store.rows.calibrations import calibration_rows
from seechange_core.store.rows.candidates import decision_rows, measurement_rows, score_rows
from seechange_core.store.rows.completeness import completeness_rows
from seechange_core.store.rows.data_files import data_file_rows
from seechange_core.store.rows.images import difference_rows, image_rows
from seechange_core.store.rows.references import reference_rows
from seechange_core.store.rows.saving import Saving
from seechange_core.store.rows.solutions import mapping_rows, photometry_rows
from seechange_core.store.rows.sources import (
    background_rows,
    detection_rows,
    psf_rows,
    source_rows,
    stamp_rows,
)
from seechange_core.store.rows.surroundings import surroundings_rows

#: Lists of rows of one table each, in the order in which they can be written. A role is not here if another brings its
#: rows; the order is that in which the outputs of one product are written.
ROW_BUILDERS: Mapping[str, Callable[[Saving], list[Sequence[Base]]]] = {
    "image": image_rows,
    "difference": difference_rows,
    "sources": source_rows,
    "psf": psf_rows,
    "background": background_rows,
    "mapping": mapping_rows,
    "photometry": photometry_rows,
    "detections": detection_rows,
    "stamps": stamp_rows,
    "measurements": measurement_rows,
    "decisions": decision_rows,
    "surroundings": surroundings_rows,
    "scores": score_rows,
    "completeness": completeness_rows,
    "reference": reference_rows,
    "calibration": calibration_rows,
}

__all__ = ["ROW_BUILDERS", "Saving", "data_file_rows"]
