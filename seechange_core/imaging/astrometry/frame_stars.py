"""The sources of one exposure in the place of catalogue stars, for images that can only be compared with each other."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from seechange_core.frames import SkyMapping, SourceTable, StarTable, unusable
from seechange_core.frames.photometry import RELATIVE_ZERO_POINT

_MAS_PER_ARCSEC = 1000.0
_MAGNITUDES_PER_RELATIVE_ERROR = 2.5 / math.log(10.0)


def frame_stars(sections: Sequence[tuple[SourceTable, SkyMapping]], exposure: str, mjd: float) -> StarTable:
    """Return the sources of an exposure at their nominal positions, with magnitudes at its nominal zero point.

    Parameters
    ----------
    sections : sequence of (SourceTable, SkyMapping)
        Sources of each section, and the mapping that the camera gives for the header.
    exposure : str
        Name of the exposure, which becomes that of the catalogue.
    mjd : float
        Mid-exposure, UTC.

    Returns
    -------
    StarTable
        With ``mag_relative`` and ``mag_relative_error``. Sources with unusable pixels or without a positive flux are
        left out.
    """
    parts = [_section(sources, mapping) for sources, mapping in sections]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}
    n_stars = len(columns.get("ra", ()))
    unknown = np.full(n_stars, np.nan)
    return StarTable(
        {
            **{name: unknown for name in StarTable.COLUMNS},
            "id": np.arange(n_stars).astype(np.str_),
            **columns,
        },
        {"catalog": exposure, "epoch_mjd": mjd, "system": {}},
    )


def _section(sources: SourceTable, mapping: SkyMapping) -> dict[str, np.ndarray]:
    good = sources.rows((sources["flux"] > 0) & ~unusable(sources["mask"]))
    ra, dec = mapping.pixel_to_sky(good["x"], good["y"])
    mas_per_pixel = mapping.pixel_scale_arcsec * _MAS_PER_ARCSEC
    # Along one axis: a nominal mapping does not know how the CCD is turned well enough to tell x from y.
    error_mas = mas_per_pixel * np.hypot(good["x_error"], good["y_error"]) / math.sqrt(2.0)
    return {
        "ra": ra,
        "dec": dec,
        "ra_error": error_mas,
        "dec_error": error_mas,
        "mag_relative": RELATIVE_ZERO_POINT - 2.5 * np.log10(good["flux"]),
        "mag_relative_error": _MAGNITUDES_PER_RELATIVE_ERROR * good["flux_error"] / good["flux"],
    }
