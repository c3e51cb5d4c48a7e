"""Where on the sky rows are, as the columns of `models.position`."""

from __future__ import annotations

from typing import Any

import numpy as np

from seechange_core.frames import SkyMapping
from seechange_core.frames.mapping import separation_deg
from seechange_core.models.sky_index import sky_index

_NOWHERE = {"ra": None, "dec": None, "sky_index": None, "corners": None, "radius_deg": None}


def footprint_columns(mapping: SkyMapping | None, shape: tuple[int, int]) -> dict[str, Any]:
    """Return centre, sky index, corners and radius (deg) of an image; all None without a mapping."""
    if mapping is None:
        return dict(_NOWHERE)
    ny, nx = shape
    corner_ra, corner_dec = mapping.footprint(shape)
    ra, dec = (float(value) for value in mapping.pixel_to_sky((nx - 1) / 2, (ny - 1) / 2))
    return {
        **position_columns(ra, dec),
        "corners": [[float(a), float(d)] for a, d in zip(corner_ra, corner_dec, strict=True)],
        "radius_deg": float(np.max(separation_deg(ra, dec, corner_ra, corner_dec))),
    }


def position_columns(ra: float, dec: float) -> dict[str, Any]:
    """Return a position (deg) with its sky index; None where it is unknown (NaN)."""
    if not (np.isfinite(ra) and np.isfinite(dec)):
        return {"ra": None, "dec": None, "sky_index": None}
    return {"ra": ra, "dec": dec, "sky_index": int(sky_index(ra, dec))}
