"""The measured PSF against the true one: many stars, few stars, crowds; and the photometry that hangs on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from seechange_core.builtin.background_sep import SepBackground
from seechange_core.builtin.psf_pixelgrid import PixelGridPsf
from seechange_core.frames import Floats, Frame, PsfModel
from seechange_core.simulation.psf_field import MoffatField
from seechange_core.simulation.rendering import add_points
from seechange_core.steps.extraction import Extraction, ExtractionParams
from seechange_core.steps.step import StepContext, StepResult

SKY, READ_NOISE, FWHM = 400.0, 5.0, 4.0

Record = Callable[[str, float, str], None]


@dataclass(frozen=True)
class Scene:
    """Stars of known flux under a PSF that varies over the image."""

    frame: Frame
    field: MoffatField
    x: Floats
    y: Floats
    flux: Floats


def flux_of(snr: Floats) -> Floats:
    """The flux that has a signal-to-noise ratio under optimal weights, its own noise included."""
    profile = MoffatField((64, 64), FWHM).centred(np.array([32.0]), np.array([32.0]), 41)[0]
    sky_limited = (SKY + READ_NOISE**2) / (profile**2).sum()
    return 0.5 * snr**2 * (1 + np.sqrt(1 + 4 * sky_limited / snr**2))


def scene(seed: int, side: int, snr: Floats) -> Scene:
    """Stars at random places, at least 4 FWHM off the edges; seeing varies by 3 %, ellipticity by 0.02."""
    random = np.random.default_rng(seed)
    field = MoffatField((side, side), FWHM, (0.02, 0.01), 3.5, (0.018, 0.009, 0.015, -0.009), 0.01)
    x, y = random.uniform(16, side - 17, (2, len(snr)))
    flux = flux_of(snr)
    light = np.zeros((side, side))
    add_points(light, field, x, y, flux)
    data = random.poisson(light + SKY) + random.normal(0, READ_NOISE, light.shape)
    variance = light + SKY + READ_NOISE**2
    return Scene(Frame(data, variance, np.zeros(light.shape, np.uint16)), field, x, y, flux)


def run(frame: Frame) -> StepResult:
    components = {"background": (SepBackground(),), "psf": (PixelGridPsf(),)}
    return Extraction().run(
        {"image": frame, "supplied_psf": None}, ExtractionParams(), StepContext(components, None)
    )


def residual(psf: PsfModel, field: MoffatField) -> float:
    """Difference to the true PSF, root mean square over 5 x 5 places and the pixels within 1 FWHM, per peak."""
    nodes = np.linspace(0.1, 0.9, 5) * field.shape[0]
    x, y = (grid.ravel() for grid in np.meshgrid(nodes, nodes))
    truth = field.centred(x, y, psf.size)
    half = psf.size // 2
    core = np.hypot(*np.mgrid[-half : half + 1, -half : half + 1]) <= FWHM
    made = np.array([psf.centred(*place) for place in zip(x, y, strict=True)])
    relative = (made - truth)[:, core] / truth.max(axis=(1, 2))[:, None]
    return float(np.sqrt((relative**2).mean()))


def spread(random: np.random.Generator, number: int, low: float, high: float) -> Floats:
    return low * (high / low) ** random.uniform(size=number)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bright", "faint", "side", "limit"),
    [(200, 400, 2048, 0.001), (15, 200, 1024, 0.005), (250, 3000, 1024, 0.002)],
    ids=["many", "few", "crowded"],
)
def test_psf_agrees_with_the_truth(
    seed: int, bright: int, faint: int, side: int, limit: float, record_figure: Record
) -> None:
    random = np.random.default_rng(1000 + seed)
    snr = np.concatenate([spread(random, bright, 100, 1000), spread(random, faint, 3, 100)])
    made = scene(seed, side, snr)
    result = run(made.frame)
    found = residual(result.outputs["psf"], made.field)
    record_figure("psf_true_residual", 100 * found, "% of peak")
    assert found < limit
