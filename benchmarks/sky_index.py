"""Time cone searches among many objects on SQLite and PostgreSQL: ``python benchmarks/sky_index.py [ROWS]``."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sqlalchemy import insert, select, text

from seechange_core.models import Object, row_id
from seechange_core.models.sky_index import cone_ranges, in_cone, sky_index
from seechange_core.store.database import Database
from seechange_core.testing.postgres import PostgresServer, server_programs

_RADII_DEG = (1 / 3600, 10 / 3600, 0.1, 1.0)
_CONES = 200
_BATCH = 20_000


def main() -> None:
    """Print the time of a cone by radius: making the ranges, and the whole query."""
    n_rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        measure(Database(f"sqlite:///{Path(folder) / 'sky.db'}"), n_rows)
    programs = server_programs()
    if programs is None:
        print("PostgreSQL is not installed")
        return
    server = PostgresServer(programs)
    try:
        database = Database(server.create("sky"))
        database.upgrade()
        measure(database, n_rows)
        database.close()
    finally:
        server.stop()


def measure(database: Database, n_rows: int) -> None:
    """Fill a database with objects all over the sky and search it."""
    random = np.random.default_rng(1)
    start = time.perf_counter()
    for first in range(0, n_rows, _BATCH):
        number = min(_BATCH, n_rows - first)
        ra, dec = random.uniform(0, 360, number), np.degrees(np.arcsin(random.uniform(-1, 1, number)))
        columns = zip(ra.tolist(), dec.tolist(), sky_index(ra, dec).tolist(), strict=True)
        rows = [
            {"id": row_id("object", first + row), "ra": one_ra, "dec": one_dec, "sky_index": cell}
            for row, (one_ra, one_dec, cell) in enumerate(columns)
        ]
        with database.write() as session:
            session.execute(insert(Object), rows)
    with database.write() as session:
        session.execute(text("ANALYZE"))
    kind = database.url.get_backend_name()
    print(f"{kind}: {n_rows} rows in {time.perf_counter() - start:.0f} s")
    for radius_deg in _RADII_DEG:
        ra, dec = random.uniform(0, 360, _CONES), np.degrees(np.arcsin(random.uniform(-1, 1, _CONES)))
        start = time.perf_counter()
        for centre in zip(ra, dec, strict=True):
            cone_ranges(*centre, radius_deg)
        ranges_ms = (time.perf_counter() - start) / _CONES * 1e3
        found = 0
        start = time.perf_counter()
        with database.read() as session:
            for centre in zip(ra.tolist(), dec.tolist(), strict=True):
                found += len(
                    session.execute(select(Object.id).where(in_cone(Object, *centre, radius_deg))).all()
                )
        query_ms = (time.perf_counter() - start) / _CONES * 1e3
        print(
            f"  {radius_deg * 3600:7.0f} arcsec: {query_ms:.2f} ms a query, of which {ranges_ms:.2f} ms for its ranges;"
            f" {found / _CONES:.1f} rows"
        )


if __name__ == "__main__":
    main()
