"""Labelled candidates on real images: what is injected is real, what else is found is not."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
from scenes import candidates, labelled
from stamp_cache import made_or_read

from seechange_core.builtin.plain_fits import read_plain_image
from seechange_core.commands.settings import read_profile
from seechange_core.frames import Floats, Frame, MeasurementTable, PsfModel, Stamps
from seechange_core.runner.plain_subtraction import measure_plain_pair, subtract_plain_pair
from seechange_core.simulation.injection import inject_point_sources
from seechange_core.simulation.placement import choose_apart, uniform_trials

_PER_MEGAPIXEL = 120
_MARGIN, _SEPARATION = 14.0, 15.0
_ALGORITHMS = ("zogy", "alardlupton")


def real_pairs(data: Path) -> list[tuple[Path, Path]]:
    """Return pairs of frames of one field taken within a night, so that hardly a star changes between them."""
    folder = data / "saao_microlensing"
    with (folder / "frames.csv").open() as file:
        rows = list(csv.DictReader(file))
    pairs = []
    for _, night in groupby(rows, lambda row: math.floor(float(row["mjd_obs"]) + 0.5)):
        frames = [folder / f"{row['frame']}.fits.fz" for row in night]
        pairs += [pair for two in pairwise(frames) for pair in (two, two[::-1])]
    eso = [data / "eso085" / f"aligned_eso085-030-00{number}.fit" for number in (4, 5)]
    return [(eso[0], eso[1]), (eso[1], eso[0]), *pairs]


def real_background_scenes(data: Path, cache: Path) -> Iterator[tuple[Stamps, MeasurementTable] | None]:
    """Make or read the candidates of every fifth pair."""
    for number, (new, ref) in enumerate(real_pairs(data)[::5]):
        path = cache / "real" / f"{new.name.split('.')[0]}_{ref.name.split('.')[0]}.npz"
        yield made_or_read(path, partial(_candidates, new, ref, number))


def _candidates(new: Path, ref: Path, number: int) -> tuple[Stamps, MeasurementTable]:
    """Inject into the new image, or for every other pair of pairs into the reference, and find what there is."""
    rng = np.random.default_rng((number, 31))
    profile = read_profile(None, "fits", (f"subtraction.use={_ALGORITHMS[number % len(_ALGORITHMS)]}",))
    params = profile.instrument().params
    pair = measure_plain_pair(read_plain_image(new, params), read_plain_image(ref, params), profile)
    faded = number % 4 >= 2
    target = pair.reference if faded else pair.new
    shape = target.image.shape
    number_injected = round(_PER_MEGAPIXEL * shape[0] * shape[1] / 1024**2)
    xy = choose_apart(
        uniform_trials(rng, shape, 40 * number_injected, _MARGIN),
        number_injected,
        _SEPARATION,
        np.empty((0, 2)),
        [],
    )
    flux = _fluxes(rng, target.image, target.psf, xy)
    injected = replace(
        target, image=inject_point_sources(target.image, target.psf, xy[:, 0], xy[:, 1], flux, rng)
    )
    pair = replace(pair, reference=injected) if faded else replace(pair, new=injected)
    if faded:
        xy = np.stack(
            pair.new.mapping.sky_to_pixel(*pair.reference.mapping.pixel_to_sky(xy[:, 0], xy[:, 1])), axis=1
        )
    done = subtract_plain_pair(pair, profile)
    stamps, measurements = candidates(done.difference, pair.new_without_sky(), done.aligned_reference)
    return labelled(rng, stamps, measurements, xy, -1.0 if faded else 1.0, done.difference.psf.fwhm)


def _fluxes(rng: np.random.Generator, frame: Frame, psf: PsfModel, xy: Floats) -> Floats:
    """Draw fluxes (electron) for signal-to-noise ratios of 6 to 150 in this frame."""
    profiles = psf.stamps(xy[:, 0], xy[:, 1])
    column, row = np.floor(xy.T + 0.5).astype(int)
    variance = frame.variance[row, column]
    snr = np.exp(rng.uniform(math.log(6.0), math.log(150.0), len(xy)))
    return np.asarray(snr * np.sqrt(variance / (profiles**2).sum(axis=(1, 2))))
