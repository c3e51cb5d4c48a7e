"""Stars where catalogues go wrong: around RA 0, at the poles, across a magnitude limit, and moving."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seechange_core.api import CatalogRegion
from seechange_core.frames import StarTable
from seechange_core.frames.mapping import deproject

EPOCH_MJD = 57388.5
RADIUS_DEG = 0.1
#: Centres of the fields, and of the regions that are asked for.
FIELDS = {
    "ordinary": (150.0, -30.0),
    "ra 0": (0.0, 12.0),
    "ra 360": (359.98, -45.0),
    "north pole": (123.0, 90.0),
    "south pole": (40.0, -90.0),
}
_N_STARS = 120
_MAGNITUDES = (14.0, 20.0)


def region_of(field: str, magnitude_limit: float = 25.0, radius_deg: float = RADIUS_DEG) -> CatalogRegion:
    """Return the cone in the middle of a field, which reaches a little further."""
    return CatalogRegion(*FIELDS[field], radius_deg, magnitude_limit)


@cache
def known_stars() -> StarTable:
    """Return all stars: half of each field within its cone, half around it.

    Columns beside those of every `StarTable`: ``pmra``, ``pmdec`` (mas/yr), ``mag_G``, ``mag_r`` with their errors.
    """
    rng = np.random.default_rng(20)
    columns: dict[str, list[NDArray[Any]]] = {"ra": [], "dec": []}
    for centre in FIELDS.values():
        radius = RADIUS_DEG * np.sqrt(rng.uniform(0, 2, _N_STARS))
        # None so near the edge that rounding decides.
        radius[np.abs(radius / RADIUS_DEG - 1) < 0.01] *= 0.95
        angle = rng.uniform(0, 2 * np.pi, _N_STARS)
        ra, dec = deproject(radius * np.cos(angle), radius * np.sin(angle), centre)
        columns["ra"].append(ra)
        columns["dec"].append(dec)
    n = _N_STARS * len(FIELDS)
    magnitude = rng.uniform(*_MAGNITUDES, n)
    motion = rng.normal(0.0, 30.0, (2, n))
    table = {name: np.concatenate(parts) for name, parts in columns.items()}
    table |= {
        "ra_error": np.full(n, 0.2),
        "dec_error": np.full(n, 0.3),
        "pmra": motion[0],
        "pmdec": motion[1],
    }
    table |= {"mag_G": magnitude, "mag_r": magnitude + rng.normal(0, 0.3, n)}
    table |= {f"mag_{band}_error": np.full(n, 0.01) for band in ("G", "r")}
    ids = [f"star-{number:04d}" for number in range(n)]
    meta = {"epoch_mjd": EPOCH_MJD, "system": {"G": "vega", "r": "ab"}, "catalog": "known"}
    return StarTable({"id": ids, **table}, meta)
