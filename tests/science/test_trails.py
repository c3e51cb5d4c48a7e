"""Masked trails against those that were put in, and fields without any that look as if they had some."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from seechange_core.builtin.detrending import Saturation, Trails
from seechange_core.frames import Amplifier, Box, ColumnTable, Floats, MaskPlane, SectionData
from seechange_core.simulation.bright_stars import add_spikes, bled
from seechange_core.simulation.psf_field import MoffatField
from seechange_core.simulation.rendering import add_galaxies, add_points
from seechange_core.simulation.trails import Trail, add_trail
from tests.extent import WHOLE

SHAPE = (2048, 2048)
READ_NOISE, FULL_WELL = 7.0, 150_000.0
#: Seeing, of one image each without a trail and with one of each kind.
FWHM_PIXEL = (3.0, 4.0, 6.0) if WHOLE else (3.0, 6.0)
KINDS = ("steady", "ending", "wide", "dashed", "tumbling")
Record = Callable[[str, float, str], None]


def field(rng: np.random.Generator, fwhm: float, n_stars: int) -> Floats:
    """Light of stars, three of them with long spikes and bleeding columns, and of galaxies, five seen from the edge."""
    psf = MoffatField(SHAPE, fwhm, (0.02, 0.01), 3.0, (0.01, 0.01, 0.01, -0.01), 0.01)
    x, y = rng.uniform(-20, SHAPE[1] + 20, n_stars), rng.uniform(-20, SHAPE[0] + 20, n_stars)
    flux = np.minimum(300.0 * (1.0 - rng.random(n_stars)) ** (-1 / 0.55), 1e6)
    flux[:3] = 10.0 ** rng.uniform(6.0, 8.0, 3)
    light = np.zeros(SHAPE)
    add_points(light, psf, x, y, flux)
    angle, fraction = rng.uniform(0.0, math.pi / 2), rng.uniform(0.005, 0.03)
    for star in np.flatnonzero(flux > 3e5):
        add_spikes(light, x[star], y[star], flux[star], fwhm, angle=angle, fraction=fraction)
    n_galaxies, n_edge_on = 100, 5
    columns = {
        "x": rng.uniform(0, SHAPE[1], n_galaxies),
        "y": rng.uniform(0, SHAPE[0], n_galaxies),
        "radius": 10.0 ** rng.uniform(0.0, 0.9, n_galaxies),
        "axis_ratio": rng.uniform(0.3, 1.0, n_galaxies),
        "angle": rng.uniform(0.0, math.pi, n_galaxies),
        "index": np.full(n_galaxies, 0.5),
    }
    brightness = 10.0 ** rng.uniform(2.5, 4.5, n_galaxies)
    columns["radius"][:n_edge_on] = rng.uniform(5.0, 14.0, n_edge_on)
    columns["axis_ratio"][:n_edge_on] = rng.uniform(0.08, 0.15, n_edge_on)
    brightness[:n_edge_on] = 10.0 ** rng.uniform(4.5, 6.0, n_edge_on)
    add_galaxies(light, psf, ColumnTable(columns), brightness)
    return light


def random_trail(rng: np.random.Generator, kind: str, fwhm: float, sigma: float) -> Trail:
    """A trail of 2 to 20 sigma through the middle four fifths of the image, at any angle."""
    centre = rng.uniform(0.1 * SHAPE[0], 0.9 * SHAPE[0], 2)
    angle, peak = rng.uniform(0.0, 2.0 * math.pi), sigma * 10.0 ** rng.uniform(math.log10(2.0), 1.3)
    step = 4000.0 * np.array([math.cos(angle), math.sin(angle)])
    start = centre if kind == "ending" else centre - step
    width = rng.uniform(4.0, 25.0) if kind == "wide" else 0.0
    period = {"dashed": rng.uniform(40.0, 400.0), "tumbling": rng.uniform(60.0, 600.0)}.get(kind, 0.0)
    lit_fraction = 0.0 if kind == "tumbling" else 0.5
    (x0, y0), (x1, y1) = start.tolist(), (centre + step).tolist()
    return Trail((x0, y0), (x1, y1), peak, fwhm, width, period, lit_fraction)


def masked(rng: np.random.Generator, light: Floats) -> NDArray[np.bool_]:
    """Which pixels are masked as trail on an exposure with this light, sky included."""
    charge, _ = bled(light + np.sqrt(light) * rng.standard_normal(SHAPE), FULL_WELL)
    data = (charge + rng.normal(0.0, READ_NOISE, SHAPE)).astype(np.float32)
    box = Box(0, SHAPE[0], 0, SHAPE[1])
    amplifier = Amplifier("all", box, box, None, 1.0, READ_NOISE, FULL_WELL - 5.0 * READ_NOISE)
    section = Saturation().apply(SectionData(data, "electron", (amplifier,)), {})
    mask = Trails().apply(section, {}).mask
    assert mask is not None
    return (mask & MaskPlane.TRAIL) != 0


@pytest.mark.slow
def test_trails_are_masked_and_nothing_else_is(seed: int, record_figure: Record) -> None:
    """The target is 95 % of the trails, and one image in 200 with a false one, which takes more images than these."""
    rng = np.random.default_rng([seed, 1000])
    masked_parts, false, empty = [], 0, 0
    for fwhm in FWHM_PIXEL:
        light, sky = field(rng, fwhm, 1000), 10.0 ** rng.uniform(1.5, 4.0)
        sigma = math.sqrt(sky + READ_NOISE**2)
        false += bool(masked(rng, light + sky).any())
        empty += 1
        for kind in KINDS:
            trail_light = np.zeros(SHAPE)
            add_trail(trail_light, random_trail(rng, kind, fwhm, sigma))
            found = masked(rng, light + trail_light + sky)
            masked_parts.append(float(found[trail_light > 0.5 * sigma].mean()))
    found_fraction = float(np.mean(np.array(masked_parts) > 0.95))
    record_figure("trails_masked", 100 * found_fraction, f"% of {len(masked_parts)}")
    record_figure("trails_false", false, f"of {empty} images")
    assert found_fraction >= 0.8
    assert false == 0
