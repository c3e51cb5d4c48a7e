"""The stars of a simulated sky as a catalogue like Gaia's would list them."""

from __future__ import annotations

import numpy as np

from seechange_core.frames import ColumnTable
from seechange_core.simulation.colours import GAIA_TO_FILTER
from seechange_core.simulation.sky import Sky

_FAINTEST_G = 21.0


def gaia_like_catalog(rng: np.random.Generator, sky: Sky) -> ColumnTable:
    """Return the stars down to G = 21 with errors of position (0.05 to 1 mas) and magnitude (3 to 20 mmag).

    Columns are ``id``, ``ra``, ``dec`` (deg, at the sky's epoch), ``ra_error``, ``dec_error`` (mas), ``pmra``,
    ``pmdec`` (mas/yr), and ``mag_<band>`` with ``mag_<band>_error`` for Gaia's G, BP and RP (Vega) and the
    simulated filters (AB); ``meta`` has ``EPOCH`` (MJD).
    """
    stars = sky.stars.rows(sky.stars["mag_G"] < _FAINTEST_G)
    number = stars.n_rows
    faintness = 10.0 ** (0.26 * (stars["mag_G"] - _FAINTEST_G))
    position_error_mas = 0.05 + faintness
    offset_ra, offset_dec = rng.standard_normal((2, number)) * position_error_mas / 3.6e6
    columns = {
        "id": [f"sim-{star:06d}" for star in stars["id"]],
        "ra": stars["ra"] + offset_ra / np.cos(np.radians(stars["dec"])),
        "dec": stars["dec"] + offset_dec,
        "ra_error": position_error_mas,
        "dec_error": position_error_mas,
        "pmra": stars["pmra"],
        "pmdec": stars["pmdec"],
    }
    magnitude_error = 0.003 + 0.017 * faintness
    for band in ("G", "BP", "RP", *GAIA_TO_FILTER):
        columns[f"mag_{band}"] = stars[f"mag_{band}"] + magnitude_error * rng.standard_normal(number)
        columns[f"mag_{band}_error"] = magnitude_error
    return ColumnTable(columns, {"EPOCH": sky.epoch_mjd})
