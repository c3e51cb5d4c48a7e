"""Labelled candidates as the chain makes them, from simulated pairs of images of many cameras."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from cameras import Camera, camera
from defects import with_bright_stars, with_detector_defects, with_trail
from numpy.typing import NDArray
from scipy.spatial import KDTree

from seechange_alardlupton import AlardLupton
from seechange_core.api import Subtractor
from seechange_core.frames import (
    AlignedPair,
    Difference,
    Floats,
    Frame,
    MeasurementTable,
    PhotometricSolution,
    PsfModel,
    Stamps,
)
from seechange_core.imaging.stamps import cut_triplets
from seechange_core.imaging.subtraction.point_source_score import point_source_score
from seechange_core.simulation.pair import SimulatedPair, simulated_pair
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
    scene, fwhm = _sky(rng, used, int(rng.integers(2**31)), shape)
    new, changed_xy = _with_variable_stars(rng, scene, used.saturation_electron)
    new = with_bright_stars(rng, new, used, scene.stars, fwhm)
    ref = with_bright_stars(rng, _with_moved_stars(rng, scene), used, scene.stars, fwhm)
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


def _sky(
    rng: np.random.Generator, used: Camera, seed: int, shape: tuple[int, int]
) -> tuple[SimulatedPair, float]:
    area = shape[0] * shape[1] / 1024**2
    seeing = used.seeing_arcsec * np.exp(rng.normal(0.0, 0.15, 2))
    seeing = np.maximum(seeing, 1.6 * used.pixel_scale_arcsec)
    scene = simulated_pair(
        seed,
        shape,
        n_stars=int(math.exp(rng.uniform(math.log(200), math.log(8000))) * area),
        n_galaxies=int(rng.uniform(150, 900) * area),
        n_transients=int(160 * area),
        snr_range=(4.5, 150.0),
        new_seeing_arcsec=seeing[0],
        ref_seeing_arcsec=seeing[1],
        new_shear=tuple(rng.normal(0.0, 0.03, 2)),
        ref_shear=tuple(rng.normal(0.0, 0.03, 2)),
        pixel_scale_arcsec=used.pixel_scale_arcsec,
        sky_electron=used.sky_electron * math.exp(rng.normal(0.0, 0.4)),
        read_noise_electron=used.read_noise_electron,
        n_ref_exposures=int(rng.choice([1, 3, 5, 10])),
        new_zero_point=used.zero_point,
        ref_zero_point=used.zero_point + rng.normal(0.0, 0.2),
        misregistration=tuple(rng.normal(0.0, used.registration_rms, 2)),
        new_beta=used.beta,
        ref_beta=used.beta + rng.normal(0.0, 0.1),
    )
    return scene, float(seeing[0] / used.pixel_scale_arcsec)


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
    difference = subtractor().subtract(pair)
    if difference.score is None:
        score, flux, flux_error = point_source_score(difference)
        difference = replace(difference, score=score, flux=flux, flux_error=flux_error)
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


def _with_variable_stars(
    rng: np.random.Generator, scene: SimulatedPair, saturation_electron: float
) -> tuple[Frame, Floats]:
    """Add light to some stars of the new image; return it and the positions of all that changed."""
    ny, nx = scene.new.shape
    stars, transients = scene.stars, scene.transients
    unsaturated = 0.9 * stars["flux"] / scene.new_field.fwhm**2 < 0.5 * saturation_electron
    chosen = rng.permutation(np.flatnonzero(_well_inside(scene) & unsaturated))[: int(40 * nx * ny / 1024**2)]
    x, y = stars["x"][chosen], stars["y"][chosen]
    wanted = np.exp(rng.uniform(math.log(5.0), math.log(150.0), len(chosen)))
    frame = _with_light(rng, scene.new, scene.new_field.model(), x, y, wanted)
    xy = np.concatenate([[transients["x"], transients["y"]], [x, y]], axis=1).T
    return frame, xy


def _with_light(
    rng: np.random.Generator, frame: Frame, psf: PsfModel, x: Floats, y: Floats, snr: Floats
) -> Frame:
    """Add point sources of given signal-to-noise ratios, reckoned with the noise of this frame."""
    data, variance = frame.data.astype(np.float64), frame.variance.astype(np.float64)
    for box, profile, wanted in zip(*_boxes(frame, psf, x, y), snr, strict=True):
        light = profile.clip(0.0) * wanted / np.sqrt((profile**2 / variance[box]).sum())
        data[box] += rng.poisson(light)
        variance[box] += light
    return frame.replaced(data=data, variance=variance)


def _with_moved_stars(rng: np.random.Generator, scene: SimulatedPair) -> Frame:
    """Displace some stars of the reference by a fraction of a pixel, as proper motion and colour do."""
    frame, psf = scene.ref, scene.ref_field.model()
    ny, nx = frame.shape
    bright = np.flatnonzero(_well_inside(scene) & (scene.stars["snr"] > 50))
    chosen = rng.permutation(bright)[: int(25 * nx * ny / 1024**2)]
    stars = scene.stars.rows(chosen)
    dx, dy = rng.normal(0.0, 0.5, (2, len(chosen)))
    data = frame.data.astype(np.float64)
    draw: Callable[..., tuple[list[tuple[slice, slice]], list[Floats]]] = partial(_boxes, frame, psf)
    for factor, (boxes, profiles) in (
        (-1.0, draw(stars["x"], stars["y"])),
        (1.0, draw(stars["x"] + dx, stars["y"] + dy)),
    ):
        for box, profile, flux in zip(boxes, profiles, stars["flux"] * scene.pair.flux_ratio, strict=True):
            data[box] += factor * flux * profile
    return frame.replaced(data=data)


def _well_inside(scene: SimulatedPair) -> NDArray[np.bool_]:
    ny, nx = scene.new.shape
    x, y = scene.stars["x"], scene.stars["y"]
    inside: NDArray[np.bool_] = (x > 10) & (x < nx - 10) & (y > 10) & (y < ny - 10)
    return inside


def _boxes(
    frame: Frame, psf: PsfModel, x: Floats, y: Floats
) -> tuple[list[tuple[slice, slice]], list[Floats]]:
    """Return where on a frame the PSF at each position lies, and what of it lies there."""
    ny, nx = frame.shape
    profiles = psf.stamps(x, y)
    half = psf.size // 2
    boxes, parts = [], []
    corners = zip(np.floor(x + 0.5).astype(int) - half, np.floor(y + 0.5).astype(int) - half, strict=True)
    for profile, (left, bottom) in zip(profiles, corners, strict=True):
        rows = slice(max(bottom, 0), max(min(bottom + psf.size, ny), 0))
        columns = slice(max(left, 0), max(min(left + psf.size, nx), 0))
        boxes.append((rows, columns))
        parts.append(
            profile[rows.start - bottom : rows.stop - bottom, columns.start - left : columns.stop - left]
        )
    return boxes, parts
