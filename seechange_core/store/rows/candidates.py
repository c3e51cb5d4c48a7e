"""Rows of candidates: measured, decided on, scored."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from seechange_core.frames import DecisionTable, MeasurementTable, ScoreTable
from seechange_core.models import Base, Decisions, DeepScore, Measurements, row_id
from seechange_core.models.sky_index import sky_index
from seechange_core.store.formats.decisions import decisions_bytes
from seechange_core.store.rows.saving import Saving

#: Columns of a `MeasurementTable` that are columns of the table under the same name.
_SHARED = tuple(
    name
    for name in MeasurementTable.COLUMNS
    if name in Measurements.__table__.columns and name not in {"ra", "dec"}
)


def measurement_rows(saving: Saving) -> list[Sequence[Base]]:
    """Return one row a candidate; columns that the table does not have are in the file only."""
    table: MeasurementTable = saving.outputs["measurements"]
    observation, product = saving.record.observation, saving.record.product_id
    image_id, cutouts_id = saving.input_id("difference"), saving.input_id("stamps")
    known = np.isfinite(table["ra"]) & np.isfinite(table["dec"])
    cells = sky_index(np.where(known, table["ra"], 0.0), np.where(known, table["dec"], 0.0))
    columns = {name: table[name].tolist() for name in _SHARED}
    rows = [
        Measurements(
            id=row_id(product, number),
            product_id=saving.id,
            row=number,
            image_id=image_id,
            cutouts_id=cutouts_id,
            upstream_badness=saving.upstream_badness,
            mjd=observation.mjd,
            filter=observation.filter,
            calibrated=table.flux_unit == "nJy",
            flux_unit=table.flux_unit,
            sky_frame=table.sky_frame,
            ra=float(table["ra"][number]) if known[number] else None,
            dec=float(table["dec"][number]) if known[number] else None,
            sky_index=int(cells[number]) if known[number] else None,
            **{name: values[number] for name, values in columns.items()},
        )
        for number in range(table.n_rows)
    ]
    return [rows]


def decision_rows(saving: Saving) -> list[Sequence[Base]]:
    """Return the one row that holds what was decided on all peaks of a difference."""
    table: DecisionTable = saving.outputs["decisions"]
    deleted = table["deleted"] != 0
    row = Decisions(
        id=saving.id,
        image_id=saving.input_id("difference"),
        n_peaks=table.n_rows,
        n_flagged=int(np.count_nonzero((table["flagged"] != 0) & ~deleted)),
        n_deleted=int(np.count_nonzero(deleted)),
        counts=_counts(table),
        peaks=decisions_bytes(table),
    )
    return [[row]]


def _counts(table: DecisionTable) -> dict[str, dict[str, int]]:
    """Count by name of each test how many peaks it flagged and how many it deleted."""
    return {
        test.name: {
            verdict: int(np.count_nonzero(table[verdict] >> np.uint32(bit) & np.uint32(1)))
            for verdict in ("flagged", "deleted")
        }
        for bit, test in enumerate(table.tests)
    }


def score_rows(saving: Saving) -> list[Sequence[Base]]:
    """Return one row a candidate and scorer."""
    table: ScoreTable = saving.outputs["scores"]
    measured = saving.record.inputs["measurements"]
    rows = [
        DeepScore(
            id=row_id(saving.record.product_id, number),
            product_id=saving.id,
            measurement_id=row_id(measured, int(table["row"][number])),
            scorer=str(table["scorer"][number]),
            version=str(table["version"][number]),
            score=float(table["score"][number]),
            info=json.loads(str(table["info"][number])),
        )
        for number in range(table.n_rows)
    ]
    return [rows]
