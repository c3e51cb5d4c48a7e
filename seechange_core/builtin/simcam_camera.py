"""What the simulated camera truly is: its optics and its detectors, which the pipeline has to find out."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from seechange_core.builtin.simcam import (
    PIXEL_SCALE_ARCSEC,
    RAW_SHAPE,
    SECTIONS,
    amplifiers_of,
    nominal_mapping,
)
from seechange_core.frames import Floats, SkyMapping
from seechange_core.simulation.detector import Detector, cosmic_rays, random_detector, read_out
from seechange_core.simulation.exposure import Conditions
from seechange_core.simulation.psf_field import MoffatField

#: The camera is the same in every survey.
_CAMERA_SEED = 20260101
_ROTATION_DEG = 0.15
_SCALE_ERROR = 2e-4
#: Radial and tangential distortion (pixel^-2, pixel^-1): 1.3 pixels at the outer corners.
_CUBIC = 8e-10
_QUADRATIC = 2e-7
_BAD_COLUMNS = {"C1": (217, 748), "C2": (391, 905)}
_WIDTH_TERMS = {"C1": (0.015, 0.01, 0.015, -0.01), "C2": (-0.015, 0.008, 0.012, 0.01)}
_FLAT_ELECTRON = 30000.0


def true_mapping(section: str, ra_deg: float, dec_deg: float) -> SkyMapping:
    """Return the mapping of a section as the optics make it, at the true pointing."""
    nominal = nominal_mapping(section, ra_deg, dec_deg)
    angle = math.radians(_ROTATION_DEG)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    sip_a, sip_b = np.zeros((4, 4)), np.zeros((4, 4))
    sip_a[3, 0] = sip_a[1, 2] = sip_b[0, 3] = sip_b[2, 1] = _CUBIC
    sip_a[1, 1] = sip_b[0, 2] = _QUADRATIC
    return replace(nominal, cd=nominal.cd @ turn * (1.0 + _SCALE_ERROR), sip_a=sip_a, sip_b=sip_b)


def true_psf(section: str, conditions: Conditions) -> MoffatField:
    """Return the PSF over a section."""
    return conditions.psf_field(SECTIONS[section].shape, PIXEL_SCALE_ARCSEC, _WIDTH_TERMS[section])


@cache
def detector_of(section: str) -> Detector:
    """Return the detector of a section."""
    rng = np.random.default_rng([_CAMERA_SEED, list(SECTIONS).index(section)])
    bad_columns = _BAD_COLUMNS[section]
    return random_detector(rng, amplifiers_of(section), RAW_SHAPE, SECTIONS[section].shape, bad_columns)


def expose_sky(
    rng: np.random.Generator, detector: Detector, light: Floats, conditions: Conditions, n_cosmic_rays: float
) -> NDArray[np.uint16]:
    """Return the raw pixels of an exposure of the sky; `light` (electron) is what sources contribute."""
    return read_out(rng, detector, *charge_of_sky(rng, detector, light, conditions, n_cosmic_rays))


def charge_of_sky(
    rng: np.random.Generator, detector: Detector, light: Floats, conditions: Conditions, n_cosmic_rays: float
) -> tuple[Floats, float]:
    """Return the electrons that an exposure of the sky leaves, and how far the bias level has changed (ADU)."""
    charge = rng.poisson((light + conditions.sky_electron) * detector.response)
    hits = cosmic_rays(rng, detector.shape, n_cosmic_rays)
    return charge + hits, float(rng.normal(0.0, 2.0))


def expose_bias(rng: np.random.Generator, detector: Detector) -> NDArray[np.uint16]:
    """Return the raw pixels of a bias exposure."""
    return read_out(rng, detector, np.zeros(detector.shape), rng.normal(0.0, 2.0))


def expose_flat(rng: np.random.Generator, detector: Detector) -> NDArray[np.uint16]:
    """Return the raw pixels of an exposure of an evenly lit screen."""
    charge = rng.poisson(_FLAT_ELECTRON * detector.response).astype(np.float64)
    return read_out(rng, detector, charge, rng.normal(0.0, 2.0))
