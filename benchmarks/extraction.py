"""Seconds that extraction takes for one simulated CCD, and how that compares with one pass of sep's background.

    python benchmarks/extraction.py [--rows 4096] [--columns 2048] [--stars 4000] [--repeat 5]

CPU seconds of this process with one thread, best of several runs after one that compiles. Times of one machine say
little; the ratio to sep.Background on the same image says more.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import sep
from timing import best

from seechange_core.builtin.background_sep import SepBackground
from seechange_core.builtin.psf_pixelgrid import PixelGridPsf
from seechange_core.frames import Frame, PsfModel
from seechange_core.imaging.background.smooth_background import background_image
from seechange_core.imaging.matched_filter import significance
from seechange_core.imaging.sources.detection import find_sources
from seechange_core.imaging.sources.measurement import first_sources, measured_sources
from seechange_core.imaging.usable_pixels import unusable_pixels
from seechange_core.steps.extraction import Extraction, ExtractionParams
from seechange_core.steps.step import StepContext

SKY, READ_NOISE, FWHM, BETA, HALF = 400.0, 5.0, 4.0, 3.5, 30


def scene(rows: int, columns: int, n_stars: int) -> Frame:
    """Moffat stars with a power-law distribution of fluxes on a flat sky."""
    random = np.random.default_rng(1)
    offset = np.arange(-HALF, HALF + 1)
    width = FWHM / 2 / np.sqrt(2 ** (1 / BETA) - 1)
    profile = (1 + (offset[:, None] ** 2 + offset[None, :] ** 2) / width**2) ** -BETA
    psf = PsfModel((profile / profile.sum())[None].astype(np.float32), fwhm=FWHM)
    x, y = random.uniform(0, columns - 1, n_stars), random.uniform(0, rows - 1, n_stars)
    flux = np.minimum(300.0 * random.pareto(0.7, n_stars) + 300.0, 1e6)
    light = np.zeros((rows + 2 * HALF, columns + 2 * HALF))
    for star in range(n_stars):
        j, i = int(y[star] + 0.5), int(x[star] + 0.5)
        light[j : j + 2 * HALF + 1, i : i + 2 * HALF + 1] += flux[star] * psf.stamp(x[star], y[star])
    light = light[HALF:-HALF, HALF:-HALF].clip(0)
    data = random.poisson(light + SKY) + random.normal(0, READ_NOISE, light.shape)
    return Frame(data, light + SKY + READ_NOISE**2, np.zeros(light.shape, np.uint16))


def main() -> None:
    """Print seconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=4096)
    parser.add_argument("--columns", type=int, default=2048)
    parser.add_argument("--stars", type=int, default=4000)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    frame = scene(options.rows, options.columns, options.stars)
    params = ExtractionParams()
    sky, estimator = SepBackground(), PixelGridPsf()
    context = StepContext({"background": (sky,), "psf": (estimator,)}, None)
    mask = unusable_pixels(frame)
    background = sky.measure(frame)
    image = frame.replaced(data=frame.data - background_image(background))
    significant = significance(image.data, image.variance, mask, params.kernel_fwhm_pixel)
    names = ("threshold", "min_pixels", "deblend_sigma", "deblend_contrast")
    limits = {name: getattr(params, name) for name in names} | {"kernel_fwhm": params.kernel_fwhm_pixel}
    found, _ = find_sources(image, significant, **limits)
    first = first_sources(image, found, params.kernel_fwhm_pixel)
    psf, _ = estimator.measure(image, first, None)
    parts: dict[str, Callable[[], object]] = {
        "sep.Background alone": lambda: sep.Background(frame.data, mask=mask, bw=128, bh=128),
        "background": lambda: sky.measure(frame),
        "significance": lambda: significance(image.data, image.variance, mask, params.kernel_fwhm_pixel),
        "find sources": lambda: find_sources(image, significant, **limits),
        "first measurement": lambda: first_sources(image, found, params.kernel_fwhm_pixel),
        "PSF": lambda: estimator.measure(image, first, None),
        "PSF and aperture fluxes": lambda: measured_sources(image, first, psf, params.aperture_radii_fwhm),
        "draw 4000 PSFs of 25 x 25": lambda: psf.stamps(
            np.linspace(0, 2000, 4000), np.linspace(0, 4000, 4000), 25
        ),
        "whole step": lambda: Extraction().run({"image": frame, "supplied_psf": None}, params, context),
    }
    seconds = {name: best(action, options.repeat) for name, action in parts.items()}
    unit = seconds["sep.Background alone"]
    print(f"{options.rows} x {options.columns}, {options.stars} stars, {first.n_rows} sources found")
    for name, value in seconds.items():
        print(f"{name:28s} {value:7.3f} s  {value / unit:6.1f}")


if __name__ == "__main__":
    main()
