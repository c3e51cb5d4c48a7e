"""Orbits of asteroids, and where asteroids are seen."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from seechange_core.frames.table import ColumnTable

_f8, _f4 = np.float64, np.float32


class OrbitTable(ColumnTable):
    """Osculating elements of ellipses about the Sun, each for its own epoch; ecliptic and equinox of J2000."""

    COLUMNS: ClassVar = {
        "name": (np.str_, "", "designation"),
        "epoch_mjd": (_f8, "d", "epoch of the elements (TT)"),
        "semi_major_axis": (_f8, "au", ""),
        "eccentricity": (_f8, "", "below 1"),
        "inclination": (_f8, "deg", "to the ecliptic"),
        "node": (_f8, "deg", "longitude of the ascending node"),
        "perihelion": (_f8, "deg", "argument of the perihelion"),
        "mean_anomaly": (_f8, "deg", "at the epoch"),
        "absolute_magnitude": (_f4, "mag", "H, in V; NaN where unknown"),
        "slope": (_f4, "", "G of the phase function"),
    }


class AsteroidTable(ColumnTable):
    """Asteroids as they are seen from one place at one time (``meta["mjd"]``, UTC)."""

    COLUMNS: ClassVar = {
        "name": (np.str_, "", "designation"),
        "ra": (_f8, "deg", "astrometric right ascension: where a star of a catalogue would be, ICRS"),
        "dec": (_f8, "deg", "astrometric declination, ICRS"),
        "magnitude": (_f4, "mag", "predicted, in V; NaN where unknown"),
        "motion": (_f4, "arcsec/h", "across the sky"),
    }
