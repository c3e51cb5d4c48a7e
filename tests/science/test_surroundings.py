"""What is near candidates, against truth."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import get_body_barycentric
from astropy.time import Time
from scipy.integrate import solve_ivp
from scipy.interpolate import CubicSpline

from seechange_core.frames import Floats, Frame, MaskPlane, OrbitTable
from seechange_core.imaging.asteroids.planets import displacements
from seechange_core.imaging.asteroids.two_body import GAUSS, heliocentric_positions
from seechange_core.imaging.candidates.diffraction_spikes import diffraction_spikes
from seechange_core.imaging.candidates.saturated_stars import saturated_stars
from seechange_core.simulation.bright_stars import add_spikes, bled
from seechange_core.simulation.image_pair import PairConditions, image_pair, with_sky
from seechange_core.simulation.rendering import add_points

EPOCH = 60600.0
BODIES = ("mercury", "venus", "earth", "moon", "mars", "jupiter", "saturn", "uranus", "neptune")
SUN_OVER_BODIES = (
    6023600.0,
    408523.71,
    332946.05,
    27068703.0,
    3098708.0,
    1047.3486,
    3497.898,
    22902.98,
    19412.24,
)
#: Semi-major axis (au) and eccentricity.
KINDS = {"main belt": (2.4, 0.1), "Hilda": (3.97, 0.15), "Trojan": (5.2, 0.05), "near Earth": (1.4, 0.45)}
_ARCSEC = math.degrees(1.0) * 3600.0


def motion_of_bodies(days: float) -> Callable[[float, Floats], Floats]:
    """The equations of motion under Sun and nine other bodies, whose places astropy knows."""
    moments = np.arange(EPOCH - 1.0, EPOCH + days + 1.0, 0.25)
    time = Time(moments, format="mjd", scale="tdb")
    sun = get_body_barycentric("sun", time)
    paths = [(get_body_barycentric(body, time) - sun).xyz.to_value(units.au) for body in BODIES]
    bodies_at = CubicSpline(moments, np.transpose(paths, (2, 0, 1)))

    def motion(moment: float, state: Floats) -> Floats:
        place = state[:3]
        pull = -place / np.linalg.norm(place) ** 3
        for body, ratio in zip(bodies_at(moment), SUN_OVER_BODIES, strict=True):
            away = body - place
            pull = pull + (away / np.linalg.norm(away) ** 3 - body / np.linalg.norm(body) ** 3) / ratio
        return np.concatenate([state[3:], GAUSS**2 * pull])

    return motion


def test_asteroids_months_after_their_epoch(
    seed: int, record_figure: Callable[[str, float, str], None]
) -> None:
    rng = np.random.default_rng(seed)
    motion = motion_of_bodies(300.0)
    worst = {(days, way): 0.0 for days in (100, 300) for way in ("ellipse", "pulled")}
    for a, e in KINDS.values():
        elements = {"semi_major_axis": a, "eccentricity": e, "inclination": rng.uniform(0.0, 20.0)}
        angles = dict(zip(("node", "perihelion", "mean_anomaly"), rng.uniform(0.0, 360.0, 3), strict=True))
        known = {"name": "x", "epoch_mjd": EPOCH, "absolute_magnitude": 15.0, "slope": 0.15}
        orbit = OrbitTable({name: [value] for name, value in {**known, **elements, **angles}.items()})
        before, start, after = (
            heliocentric_positions(orbit, EPOCH + late)[:, 0] for late in (-1e-3, 0.0, 1e-3)
        )
        state = np.concatenate([start, (after - before) / 2e-3])
        ends = [EPOCH + 100.0, EPOCH + 300.0]
        solved = solve_ivp(motion, (EPOCH, ends[1]), state, "DOP853", t_eval=ends, rtol=1e-10, atol=1e-13)
        for days, true in zip((100, 300), solved.y[:3].T, strict=True):
            ellipse = heliocentric_positions(orbit, EPOCH + days)[:, 0]
            pulled = ellipse + displacements(orbit, EPOCH + days)[:, 0]
            for way, found in (("ellipse", ellipse), ("pulled", pulled)):
                error = float(np.linalg.norm(found - true) / np.linalg.norm(true) * _ARCSEC)
                worst[days, way] = max(worst[days, way], error)
    for (days, way), error in worst.items():
        record_figure(f"asteroid_error_{way}_{days}_days", error, "arcsec")
    # Of the equations of motion only the second order of the displacement is missing, and the Moon's own place.
    assert worst[100, "pulled"] < 0.05
    assert worst[300, "pulled"] < 0.5
    assert worst[100, "ellipse"] > 1.0


def scene(seed: int, angle_deg: float, n_stars: int, spikes: bool) -> Frame:
    """A field of stars and galaxies with a few that are saturated."""
    shape, conditions = (512, 512), PairConditions()
    pair = image_pair(seed, shape, conditions)
    frame = with_sky(pair.new, conditions)
    rng = np.random.default_rng([seed, 5])
    x, y = rng.uniform(60.0, shape[0] - 60.0, (2, n_stars))
    flux = np.geomspace(2e6, 1e7, n_stars)
    light = np.zeros(shape)
    add_points(light, pair.new_field, x, y, flux)
    for star in range(n_stars if spikes else 0):
        add_spikes(light, x[star], y[star], flux[star], 4.6, angle=math.radians(angle_deg))
    data, full = bled(frame.data + rng.poisson(light).astype(np.float64), 60000.0)
    mask = frame.mask | (full * np.uint16(MaskPlane.SATURATED))
    return Frame(data.astype(np.float32), frame.variance + light.astype(np.float32), mask)


@pytest.mark.parametrize("angle_deg", [45.0, 20.0])
def test_spikes_are_found_at_their_angles(
    seed: int, angle_deg: float, record_figure: Callable[[str, float, str], None]
) -> None:
    errors: list[float] = []
    n_vanes = n_false = 0
    for number in range(3):
        for spikes in (True, False):
            frame = scene(100 * seed + number, angle_deg, 3, spikes)
            found = diffraction_spikes(frame, saturated_stars(frame.mask), 4.6)
            vanes: Any = np.unique(np.round(found.angle_deg % 180.0, 6))
            if spikes:
                away = np.abs((vanes[:, None] - [angle_deg, angle_deg + 90.0] + 90.0) % 180.0 - 90.0)
                n_false += np.count_nonzero(away.min(axis=1) > 3.0) if len(vanes) else 0
                nearest = away.min(axis=0) if len(vanes) else np.full(2, 90.0)
                errors += nearest[nearest < 3.0].tolist()
                n_vanes += 2
            else:
                n_false += len(vanes)
    record_figure("spike_vanes_found", len(errors) / n_vanes, "fraction")
    record_figure("spike_angle_error", float(np.sqrt(np.mean(np.square(errors)))), "deg")
    record_figure("spike_vanes_false", n_false, "vanes in 6 images")
    assert len(errors) >= 0.8 * n_vanes
    assert np.sqrt(np.mean(np.square(errors))) < 1.0
    # Where saturated stars lie beside each other they can look like a vane.
    assert n_false <= 1
