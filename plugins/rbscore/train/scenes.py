"""Labelled candidates as the chain makes them, from simulated pairs of images of many cameras."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from cameras import Camera, camera
from defects import with_bright_stars, with_detector_defects, with_trail
from scipy.spatial import KDTree
from skies import simulated_sky, with_moved_stars, with_variable_stars

from seechange_alardlupton import AlardLupton
from seechange_core.api import Subtractor
from seechange_core.frames import (
    AlignedPair,
    Difference,
    Floats,
    Frame,
    MeasurementTable,
    PhotometricSolution,
    Stamps,
)
from seechange_core.imaging.stamps import cut_triplets
from seechange_core.imaging.subtraction.point_source_score import with_score
from seechange_core.simulation.pair import SimulatedPair
from seechange_core.simulation.spoiling import without_columns
from seechange_core.steps.detection import Detection, DetectionParams
from seechange_core.steps.measuring import Measuring, MeasuringParams
from seechange_core.steps.step import StepContext
from seechange_sfft import Sfft
from seechange_zogy import Zogy

THRESHOLD_SIGMA = 4.5
SHAPE = (768, 768)
SUBTRACTORS: tuple[type[Subtractor], ...] = (*4 * [Zogy], *3 * [AlardLupton], Sfft)
_MOST_OF_A_KIND = 200
_FLUX_RATIO_ERROR = 0.003
_FWHM_PER_SIGMA = 2.3548


def labelled_candidates(
    camera_number: int, night: int, shape: tuple[int, int] = SHAPE
) -> tuple[Stamps, MeasurementTable]:
    """Simulate, subtract, detect, cut and measure; the column ``real`` of the measurements is the truth.

    Parameters
    ----------
    camera_number : int
        Of `cameras.camera`.
    night : int
        The sky, the conditions and the algorithm follow from camera and night. In every other one new image and
        reference change places, so that the transients fade.
    shape : tuple of int
        Rows and columns.

    Raises
    ------
    Rejected
        If the subtraction finds the pair to be beyond use.
    """
    used = camera(camera_number)
    rng = np.random.default_rng((camera_number, night))
    scene, fwhm = simulated_sky(rng, used, int(rng.integers(2**31)), shape)
    new, changed_xy = with_variable_stars(rng, scene, used.saturation_electron)
    new = with_bright_stars(rng, new, used, scene.stars, fwhm)
    ref = with_bright_stars(rng, with_moved_stars(rng, scene), used, scene.stars, fwhm)
    if rng.random() < 0.25:
        new = with_trail(rng, new, fwhm)
    new = with_detector_defects(rng, new, used)
    ref = with_detector_defects(rng, ref, used, rays_factor=rng.choice([0.05, 0.5]))
    if rng.random() < 0.2:
        ref = without_columns(ref, int(shape[1] * rng.uniform(0.7, 0.95)))
    pair = _believed(rng, used, scene, new, ref)
    sign = 1.0
    if night % 2:
        sign, pair = -1.0, _reversed(pair)
    stamps, measurements = subtracted(pair, SUBTRACTORS[int(rng.integers(len(SUBTRACTORS)))])
    fwhm_pixel = max(scene.new_field.fwhm, scene.ref_field.fwhm)
    return labelled(rng, stamps, measurements, changed_xy, sign, fwhm_pixel)


def _believed(
    rng: np.random.Generator, used: Camera, scene: SimulatedPair, new: Frame, ref: Frame
) -> AlignedPair:
    """Return the pair as it would be measured: PSFs, flux ratio and registration are off by about their errors."""
    new_psf, ref_psf = (
        replace(field, fwhm=field.fwhm * (1.0 + rng.normal(0.0, used.psf_error))).model()
        for field in (scene.new_field, scene.ref_field)
    )
    registration, width, flux = rng.uniform((0.3, 0.5, 0.5), (1.5, 1.5, 1.5))
    width_variance = (scene.new_field.fwhm / _FWHM_PER_SIGMA) ** 2
    return replace(
        scene.pair,
        new=new,
        ref=ref,
        new_psf=new_psf,
        ref_psf=ref_psf,
        flux_ratio=scene.pair.flux_ratio * (1.0 + rng.normal(0.0, _FLUX_RATIO_ERROR)),
        registration_error=(registration * used.registration_rms,) * 2,
        width_error=width * 2.0 * math.sqrt(2.0) * used.psf_error * width_variance,
        flux_ratio_error=flux * _FLUX_RATIO_ERROR,
    )


def _reversed(pair: AlignedPair) -> AlignedPair:
    return replace(
        pair,
        new=pair.ref,
        ref=pair.new,
        new_psf=pair.ref_psf,
        ref_psf=pair.new_psf,
        flux_ratio=1.0 / pair.flux_ratio,
    )


def subtracted(pair: AlignedPair, subtractor: type[Subtractor]) -> tuple[Stamps, MeasurementTable]:
    """Take a pair through subtraction, detection, cutting and measuring."""
    difference = with_score(subtractor().subtract(pair))
    ref = pair.ref.replaced(data=pair.ref.data / np.float32(pair.flux_ratio))
    return candidates(difference, pair.new, ref)


def candidates(difference: Difference, new: Frame, ref: Frame) -> tuple[Stamps, MeasurementTable]:
    """Take a difference through detection, cutting and measuring; both images as they are cut, without sky."""
    context = StepContext({}, None)
    found = Detection().run({"difference": difference}, DetectionParams(threshold=THRESHOLD_SIGMA), context)
    detections = found.outputs["detections"]
    stamps = cut_triplets(
        detections["x"], detections["y"], 41, new.data, ref.data, difference.data, difference.mask
    )
    inputs = {
        "image": new,
        "psf": None,
        "aligned_reference": ref,
        "difference": difference,
        "detections": detections,
        "stamps": stamps,
        "mapping": None,
        "photometry": PhotometricSolution(30.0, 0.01, 0.02, 50, "r"),
    }
    measurements = Measuring().run(inputs, _deleting_little(), context).outputs["measurements"]
    return stamps.rows(measurements["stamp"]), measurements


def _deleting_little() -> MeasuringParams:
    """Return cuts that leave all to be scored but what has hardly a usable pixel."""
    names = [name for name in MeasuringParams().cuts if name != "unusable"]
    return MeasuringParams(cuts={name: {"delete": None} for name in names})


def labelled(
    rng: np.random.Generator,
    stamps: Stamps,
    measurements: MeasurementTable,
    changed_xy: Floats,
    sign: float,
    fwhm: float,
) -> tuple[Stamps, MeasurementTable]:
    """Add the column ``real``; what is just beside a change is left out, and so are most of too many bogus ones."""
    distance = KDTree(changed_xy).query(np.stack([stamps.x, stamps.y], axis=1))[0]
    right_sign = np.sign(measurements["score"]) == sign
    real = (distance < max(1.5, 0.5 * fwhm)) & right_sign
    kept = real | ~(right_sign & (distance < 1.5 * fwhm + 1.5))
    bogus = np.flatnonzero(kept & ~real)
    kept[rng.permutation(bogus)[_MOST_OF_A_KIND:]] = False
    return stamps.rows(kept), measurements.with_columns(real=real).rows(kept)
