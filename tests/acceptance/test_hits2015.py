"""Sources of DECam HiTS 2015 that another pipeline found and associated: the same objects come out.

The catalogues are those of lsst/ap_verify_ci_hits2015: two visits of one night, within which that pipeline takes all
that lies within 1 arcsec of an object for the object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet

from seechange_core.steps.association import AssociationParams, assign

COLUMNS = ["diaSourceId", "diaObjectId", "visit", "ra", "dec", "raErr", "decErr"]
LEAST_PART_OF_PAIRS = 0.98


@pytest.fixture(scope="module")
def sources(test_data: Path) -> list[dict[str, Any]]:
    """Each source once: the catalogue of a visit has those of the visits before it too."""
    found: dict[int, dict[str, Any]] = {}
    for path in sorted((test_data / "hits2015_dia").glob("preloaded_dia_source_*.parq")):
        for row in parquet.read_table(path, columns=COLUMNS).to_pylist():
            found[row["diaSourceId"]] = row
    return sorted(found.values(), key=lambda row: (row["visit"], row["diaSourceId"]))


def pairs(groups: Iterable[Any]) -> set[tuple[int, int]]:
    """Return which sources share an object, given the object of each."""
    members: dict[Any, list[int]] = {}
    for number, group in enumerate(groups):
        members.setdefault(group, []).append(number)
    return {pair for own in members.values() for pair in combinations(own, 2)}


def test_associated_sources_are_the_objects_of_the_other_pipeline(
    sources: list[dict[str, Any]], record_figure: Callable[[str, float, str], None]
) -> None:
    table = {name: np.array([row[name] for row in sources]) for name in COLUMNS}
    ra_error, dec_error = (table[name].astype(np.float64) for name in ("raErr", "decErr"))  # deg; None is NaN
    error = np.hypot(ra_error, dec_error) / np.sqrt(2.0) * 3600.0
    objects: list[int] = []
    belongs = np.full(len(sources), -1)
    for visit in np.unique(table["visit"]):
        new = np.flatnonzero(table["visit"] == visit)
        # Objects of one measurement are where it is; there are two visits only.
        known = np.array(objects, int)
        found = assign(
            table["ra"][new],
            table["dec"][new],
            error[new],
            table["ra"][known],
            table["dec"][known],
            error[known],
            AssociationParams(),
        )
        joined = found.object_index >= 0
        belongs[new[joined]] = known[found.object_index[joined]]
        belongs[new[~joined]] = new[found.founder_row[~joined]]
        objects += np.unique(belongs[new[~joined]]).tolist()
    ours, theirs = pairs(belongs), pairs(table["diaObjectId"])
    assert len(theirs) > 70
    record_figure("pairs_of_theirs_that_are_ours", len(ours & theirs) / len(theirs), "1")
    record_figure("pairs_of_ours_that_are_theirs", len(ours & theirs) / len(ours), "1")
    assert len(ours & theirs) >= LEAST_PART_OF_PAIRS * len(theirs)
    assert len(ours & theirs) >= LEAST_PART_OF_PAIRS * len(ours)
