"""Ellipses about the Sun."""

from __future__ import annotations

import numpy as np

from seechange_core.frames import Floats, OrbitTable

#: Gauss' constant: the mean motion at 1 au (radian per day).
GAUSS = 0.01720209895
#: Of the ecliptic of J2000 (IAU 1976, as the elements of the Minor Planet Center have it).
_OBLIQUITY = np.radians(84381.448 / 3600.0)
_TOLERANCE = 1e-12
_ITERATIONS = 30


def heliocentric_positions(orbits: OrbitTable, mjd_tt: Floats | float) -> Floats:
    """Return where bodies are, seen from the Sun, if nothing but the Sun attracts them.

    Parameters
    ----------
    orbits : OrbitTable
        Osculating elements.
    mjd_tt : float or array of shape (n,)
        Time (TT).

    Returns
    -------
    array of shape (3, n)
        Astronomical units along the axes of the ICRS.

    Notes
    -----
    Danby (1988), Fundamentals of Celestial Mechanics, sect. 6.6 to 6.8.
    """
    a, e = orbits["semi_major_axis"], orbits["eccentricity"]
    days = np.asarray(mjd_tt, np.float64) - orbits["epoch_mjd"]
    anomaly = eccentric_anomaly(np.radians(orbits["mean_anomaly"]) + GAUSS * a**-1.5 * days, e)
    along = a * (np.cos(anomaly) - e)
    across = a * np.sqrt(1.0 - e * e) * np.sin(anomaly)
    to_perihelion, ahead = _orientation(orbits)
    position: Floats = to_perihelion * along + ahead * across
    return position


def eccentric_anomaly(mean_anomaly: Floats, eccentricity: Floats) -> Floats:
    """Solve Kepler's equation by Danby's iteration of fourth order; angles in radian, eccentricities below 1."""
    mean = np.remainder(mean_anomaly + np.pi, 2.0 * np.pi) - np.pi
    e = np.asarray(eccentricity, np.float64)
    anomaly = mean + 0.85 * e * np.sign(mean)
    for _ in range(_ITERATIONS):
        sine, cosine = e * np.sin(anomaly), e * np.cos(anomaly)
        value, slope = anomaly - sine - mean, 1.0 - cosine
        step = -value / slope
        step = -value / (slope + 0.5 * step * sine)
        step = -value / (slope + 0.5 * step * sine + step * step * cosine / 6.0)
        anomaly = anomaly + step
        if not np.any(np.abs(step) > _TOLERANCE):
            break
    return anomaly


def _orientation(orbits: OrbitTable) -> tuple[Floats, Floats]:
    """Return unit vectors of shape (3, n) to the perihelion and a quarter of a turn ahead of it."""
    node, tilt, argument = (np.radians(orbits[name]) for name in ("node", "inclination", "perihelion"))
    to_node = np.stack([np.cos(node), np.sin(node), np.zeros_like(node)])
    quarter = np.stack([-np.sin(node) * np.cos(tilt), np.cos(node) * np.cos(tilt), np.sin(tilt)])
    cosine, sine = np.cos(argument), np.sin(argument)
    return _equatorial(to_node * cosine + quarter * sine), _equatorial(quarter * cosine - to_node * sine)


def _equatorial(vectors: Floats) -> Floats:
    x, y, z = vectors
    cosine, sine = np.cos(_OBLIQUITY), np.sin(_OBLIQUITY)
    return np.stack([x, cosine * y - sine * z, sine * y + cosine * z])
