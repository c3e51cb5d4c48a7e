from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import EarthLocation, get_body_barycentric_posvel
from astropy.time import Time
from astropy.utils import iers

from seechange_core.frames import OrbitTable
from seechange_core.imaging.asteroids.daily_places import daily_places, within_reach
from seechange_core.imaging.asteroids.ephemeris import seen_asteroids
from seechange_core.imaging.asteroids.planets import displacements
from seechange_core.imaging.asteroids.two_body import GAUSS, eccentric_anomaly
from seechange_core.imaging.astrometry.observer import Place, terrestrial_time

EPOCH = 60600.0
SITE = Place(-70.8, -30.2, 2200.0)
#: Name, semi-major axis, eccentricity, inclination, node, perihelion, mean anomaly.
KINDS = (
    ("main belt", 2.4, 0.1, 5.0, 40.0, 50.0, 100.0),
    ("Hilda", 3.97, 0.15, 8.0, 80.0, 10.0, 0.0),
    ("Trojan", 5.2, 0.05, 15.0, 120.0, 300.0, 30.0),
    ("near Earth", 1.4, 0.45, 7.0, 10.0, 200.0, 250.0),
)
_ARCSEC = math.degrees(1.0) * 3600.0


@pytest.fixture(autouse=True)
def no_download() -> Any:
    with iers.conf.set_temp("auto_download", False), iers.conf.set_temp("iers_degraded_accuracy", "ignore"):
        yield


def orbits_of(rows: Any, epoch_mjd: float = EPOCH) -> OrbitTable:
    names, *elements = zip(*rows, strict=True)
    keys = ("semi_major_axis", "eccentricity", "inclination", "node", "perihelion", "mean_anomaly")
    n = len(names)
    columns = {"name": names, "epoch_mjd": np.full(n, epoch_mjd), **dict(zip(keys, elements, strict=True))}
    return OrbitTable({**columns, "absolute_magnitude": np.full(n, 15.0), "slope": np.full(n, 0.15)})


def elements_of(name: str, place: Any, velocity: Any) -> tuple[Any, ...]:
    """Osculating elements of a state about the Sun, in au and au per day along the axes of the ICRS."""
    tilt = math.radians(84381.448 / 3600.0)
    cosine, sine = math.cos(tilt), math.sin(tilt)
    to_ecliptic = np.array([[1, 0, 0], [0, cosine, sine], [0, -sine, cosine]])
    r, v = to_ecliptic @ place, to_ecliptic @ velocity
    distance, spin = np.linalg.norm(r), np.cross(r, v)
    node = np.array([-spin[1], spin[0], 0.0]) / np.hypot(spin[0], spin[1])
    shape = np.cross(v, spin) / GAUSS**2 - r / distance
    e, a = np.linalg.norm(shape), 1.0 / (2.0 / distance - v @ v / GAUSS**2)
    ahead = np.cross(spin, node) / np.linalg.norm(spin)
    anomaly = math.atan2(r @ v / math.sqrt(a) / GAUSS, 1.0 - distance / a)
    return (
        name,
        a,
        e,
        math.degrees(math.acos(spin[2] / np.linalg.norm(spin))),
        math.degrees(math.atan2(node[1], node[0])),
        math.degrees(math.atan2(shape @ ahead, shape @ node)),
        math.degrees(anomaly - e * math.sin(anomaly)),
    )


def state_of(body: str, mjd: float, scale: str = "tt") -> tuple[Any, Any]:
    """Place and velocity of a planet about the Sun, as astropy has them."""
    time = Time(mjd, format="mjd", scale=scale)
    (place, velocity), (sun, sun_velocity) = (
        get_body_barycentric_posvel(name, time) for name in (body, "sun")
    )
    return (place - sun).xyz.to_value(units.au), (velocity - sun_velocity).xyz.to_value(units.au / units.d)


@pytest.mark.parametrize("eccentricity", [0.0, 0.3, 0.97, 0.9999])
def test_anomalies_fulfil_keplers_equation(eccentricity: float) -> None:
    mean = np.linspace(-20.0, 20.0, 2001)
    anomaly = eccentric_anomaly(mean, np.full(len(mean), eccentricity))
    left = anomaly - eccentricity * np.sin(anomaly) - mean
    np.testing.assert_allclose(left, 2.0 * np.pi * np.round(left / (2.0 * np.pi)), atol=1e-10)


@pytest.mark.parametrize("body", ["mercury", "mars", "jupiter", "uranus"])
def test_planets_are_seen_where_astropy_sees_them(body: str) -> None:
    """At the epoch of their elements, so that only geometry, time scales and light time are tested."""
    now = terrestrial_time(EPOCH)
    orbits = orbits_of([elements_of(body, *state_of(body, now))], now)
    seen = seen_asteroids(orbits, EPOCH, SITE)
    time = Time(EPOCH, format="mjd", scale="utc")
    site = EarthLocation.from_geodetic(SITE.longitude_deg, SITE.latitude_deg, SITE.elevation_m)
    observer = (
        get_body_barycentric_posvel("earth", time)[0].xyz + site.get_gcrs_posvel(time)[0].xyz
    ).to_value(units.au)
    light_days = 0.0
    for _ in range(4):
        emitted = get_body_barycentric_posvel(body, time - light_days * units.d)[0]
        away = emitted.xyz.to_value(units.au) - observer
        light_days = float(np.linalg.norm(away)) * 499.004784 / 86400.0
    ra, dec = (
        math.degrees(math.atan2(away[1], away[0])) % 360.0,
        math.degrees(math.asin(away[2] / np.linalg.norm(away))),
    )
    # The rotation of the Earth without UT1 and polar motion: 0.02 arcsec at 0.6 au.
    assert (seen["ra"][0] - ra) * 3600.0 * math.cos(math.radians(dec)) == pytest.approx(0.0, abs=0.03)
    assert (seen["dec"][0] - dec) * 3600.0 == pytest.approx(0.0, abs=0.03)


def test_orbits_of_several_epochs_are_pulled_on_their_own() -> None:
    first, second = orbits_of(KINDS[:2]), orbits_of(KINDS[:2], EPOCH - 200.0)
    columns = {name: np.concatenate([first[name], second[name]]) for name in first}
    together = displacements(OrbitTable(columns), EPOCH + 10.0)
    apart = [displacements(table, EPOCH + 10.0) for table in (first, second)]
    np.testing.assert_allclose(together, np.concatenate(apart, axis=1), rtol=1e-12)


def test_magnitude_at_opposition_and_motion() -> None:
    # On a circle in the ecliptic, opposite to the Sun: magnitude is H + 5 log10(a (a - 1)), motion that of the Earth
    # less its own.
    sun_from_earth = -state_of("earth", EPOCH)[0]
    tilt = math.radians(84381.448 / 3600.0)
    longitude = math.degrees(
        math.atan2(
            -sun_from_earth[1] * math.cos(tilt) - sun_from_earth[2] * math.sin(tilt), -sun_from_earth[0]
        )
    )
    orbits = orbits_of([("opposite", 2.5, 0.0, 0.0, 0.0, 0.0, longitude)])
    seen = seen_asteroids(orbits, EPOCH, None)
    earth = float(np.linalg.norm(sun_from_earth))
    assert seen["magnitude"][0] == pytest.approx(15.0 + 5.0 * math.log10(2.5 * (2.5 - earth)), abs=0.01)
    speed = (GAUSS / math.sqrt(2.5) - np.linalg.norm(state_of("earth", EPOCH)[1])) / (2.5 - earth)
    assert seen["motion"][0] == pytest.approx(abs(speed) * _ARCSEC / 24.0, rel=0.02)


def test_rough_places_lose_nobody() -> None:
    rng = np.random.default_rng(4)
    n = 20_000
    rows = zip(
        ["x"] * n,
        np.concatenate([rng.uniform(0.8, 2.0, n // 2), rng.uniform(2.0, 3.5, n // 2)]),
        rng.uniform(0.0, 0.6, n),
        rng.uniform(0.0, 30.0, n),
        *rng.uniform(0.0, 360.0, (3, n)),
        strict=True,
    )
    orbits = orbits_of(list(rows), EPOCH - 60.0)
    places = daily_places((orbits.rows(slice(0, 9000)), orbits.rows(slice(9000, None))), int(EPOCH))
    n_seen = 0
    for mjd in (EPOCH, EPOCH + 0.99):
        seen = seen_asteroids(orbits, mjd, SITE)
        for ra, dec in ((10.0, 5.0), (200.0, -9.0), (100.0, 89.5)):
            centre = math.cos(math.radians(dec)) * np.cos(np.radians(seen["ra"] - ra))
            cosine = (
                np.sin(np.radians(seen["dec"])) * math.sin(math.radians(dec))
                + np.cos(np.radians(seen["dec"])) * centre
            )
            inside = np.flatnonzero(cosine > math.cos(math.radians(3.0)))
            found = within_reach(places, ra, dec, 3.0)
            assert set(inside) <= set(found)
            n_seen += len(inside)
            assert len(found) < 500
    assert n_seen > 50
