"""Labelled candidates from simulated pairs of images with every kind of bogus that the simulation knows how to make."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial import KDTree

from seechange_core.frames import (
    AlignedPair,
    DetectionTable,
    Floats,
    Frame,
    MaskPlane,
    MeasurementTable,
    PhotometricSolution,
    Stamps,
)
from seechange_core.imaging.stamps import cut_triplets
from seechange_core.simulation.pair import SimulatedPair, simulated_pair
from seechange_core.steps.detection import Detection, DetectionParams
from seechange_core.steps.measuring import Measuring, MeasuringParams
from seechange_core.steps.step import StepContext
from seechange_zogy import Zogy

THRESHOLD_SIGMA = 4.5
MATCH_RADIUS_PIXEL = 2.0
SATURATION_ELECTRON = 60_000.0


def labelled_candidates(seed: int, shape: tuple[int, int] = (1024, 1024)) -> tuple[Stamps, MeasurementTable]:
    """Simulate, subtract, detect and measure; the column ``real`` of the measurements is the truth.

    Seeing, sky, depth of the reference, misregistration, cosmic rays, defects and their masks vary with the
    seed, and in every other scene new image and reference change places, so that the transients fade.
    """
    rng = np.random.default_rng((seed, 1))
    scene = simulated_pair(
        seed,
        shape,
        n_stars=int(rng.uniform(400, 1500)),
        n_galaxies=int(rng.uniform(200, 600)),
        n_transients=120,
        snr_range=(4.5, 100.0),
        new_seeing_arcsec=rng.uniform(0.7, 1.8),
        ref_seeing_arcsec=rng.uniform(0.7, 1.4),
        sky_electron=float(np.exp(rng.uniform(np.log(150), np.log(4000)))),
        n_ref_exposures=int(rng.integers(1, 10)),
        misregistration=tuple(rng.normal(0.0, 0.12, 2)),
    )
    new, true_xy = _with_variable_stars(rng, scene)
    new, ref = _with_defects(rng, new), _with_defects(rng, scene.ref)
    # What the subtraction believes of the registration is sometimes too good.
    pair = replace(scene.pair, new=new, ref=ref, registration_error=tuple(rng.uniform(0.0, 0.1, 2)))
    sign = 1.0
    if seed % 2:
        sign = -1.0
        pair = AlignedPair(
            pair.ref,
            pair.new,
            pair.ref_psf,
            pair.new_psf,
            1.0 / pair.flux_ratio,
            pair.registration_error,
            pair.info,
        )
    stamps, measurements = _measured(pair)
    distance = KDTree(true_xy).query(np.stack([measurements["x"], measurements["y"]], axis=1))[0]
    real = (distance < MATCH_RADIUS_PIXEL) & (np.sign(measurements["flux"]) == sign)
    return stamps, measurements.with_columns(real=real)


def _measured(pair: AlignedPair) -> tuple[Stamps, MeasurementTable]:
    context = StepContext({}, None)
    difference = Zogy().subtract(pair)
    found = Detection().run({"difference": difference}, DetectionParams(threshold=THRESHOLD_SIGMA), context)
    detections: DetectionTable = found.outputs["detections"]
    ref = (pair.ref.data / pair.flux_ratio).astype(np.float32)
    stamps = cut_triplets(
        detections["x"], detections["y"], 41, pair.new.data, ref, difference.data, difference.mask
    )
    inputs = {
        "image": pair.new,
        "difference": difference,
        "detections": detections,
        "stamps": stamps,
        "mapping": None,
        "photometry": PhotometricSolution(30.0, 0.01, 0.02, 50, "r"),
    }
    return stamps, Measuring().run(inputs, MeasuringParams(), context).outputs["measurements"]


def _with_variable_stars(rng: np.random.Generator, scene: SimulatedPair) -> tuple[Frame, Floats]:
    """Add light to some stars of the new image; return it and the positions of all that changed."""
    ny, nx = scene.new.shape
    stars = scene.stars
    within = (stars["x"] > 30) & (stars["x"] < nx - 30) & (stars["y"] > 30) & (stars["y"] < ny - 30)
    chosen = rng.permutation(np.flatnonzero(within & (stars["flux"] < 5e4)))[:60]
    x, y = stars["x"][chosen], stars["y"][chosen]
    profiles = scene.pair.new_psf.stamps(x, y)
    half = profiles.shape[-1] // 2
    data, variance = scene.new.data.astype(np.float64), scene.new.variance.astype(np.float64)
    corners = np.floor(np.stack([x, y]) + 0.5).astype(int) - half
    snr = np.geomspace(5.0, 60.0, len(chosen))
    for profile, corner_x, corner_y, wanted in zip(profiles, *corners, snr, strict=True):
        box = np.s_[max(corner_y, 0) : corner_y + 2 * half + 1, max(corner_x, 0) : corner_x + 2 * half + 1]
        part = profile[max(-corner_y, 0) :, max(-corner_x, 0) :][: data[box].shape[0], : data[box].shape[1]]
        light = part.clip(0.0) * wanted / np.sqrt((part**2 / variance[box]).sum())
        data[box] += rng.poisson(light)
        variance[box] += light
    xy = np.concatenate([[scene.transients["x"], scene.transients["y"]], [x, y]], axis=1).T
    return scene.new.replaced(data=data, variance=variance), xy


def _with_defects(rng: np.random.Generator, frame: Frame) -> Frame:
    """Add cosmic rays, hot and dead pixels, most of them unmasked, and cut bright stars off at saturation."""
    ny, nx = frame.shape
    data, mask = frame.data.copy(), frame.mask.copy()
    saturated = data > SATURATION_ELECTRON
    data[saturated] = SATURATION_ELECTRON
    mask[saturated] |= np.uint16(MaskPlane.SATURATED)

    defects = rng.random((ny, nx)) < rng.choice([0.0, 5e-5, 2e-4])
    known = defects & (rng.random((ny, nx)) < 0.5)
    level = np.sqrt(np.median(frame.variance))
    data[defects] += (rng.lognormal(3.0, 1.0, defects.sum()) * rng.choice([-0.3, 1.0], defects.sum())) * level
    mask[known] |= np.uint16(MaskPlane.BAD)

    for _ in range(rng.poisson(150 * nx * ny / 1024**2)):
        length, angle = rng.exponential(4.0), rng.uniform(0.0, np.pi)
        steps = np.arange(int(length) + 1)
        rows = (rng.uniform(0, ny) + steps * np.sin(angle)).astype(int)
        columns = (rng.uniform(0, nx) + steps * np.cos(angle)).astype(int)
        inside = (rows < ny) & (columns >= 0) & (columns < nx)
        rows, columns = rows[inside], columns[inside]
        charge = rng.lognormal(3.2, 1.0) * level * rng.uniform(0.3, 1.0, len(rows))
        data[rows, columns] += charge
        # A part of the charge diffuses to a neighbour.
        data[rows, np.minimum(columns + 1, nx - 1)] += rng.uniform(0.0, 0.4) * charge
        if rng.random() < 0.3:
            mask[rows, columns] |= np.uint16(MaskPlane.COSMIC_RAY)
    return frame.replaced(data=data, mask=mask)
