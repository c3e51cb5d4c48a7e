"""Pairs of images in which it is known what changed: simulated ones, and real ones with injected sources."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seechange_core.errors import InputError
from seechange_core.frames import AlignedPair, ColumnTable, Floats, SourceTable, unusable
from seechange_core.imaging.masked_pixels import grown
from seechange_core.profile import Profile
from seechange_core.runner.plain_subtraction import align_plain_pair, measure_plain_pair
from seechange_core.simulation.fake_places import FakePlaces, on_pixels_of
from seechange_core.simulation.image_pair import PairConditions, image_pair, with_sky
from seechange_core.simulation.injection import inject_point_sources
from seechange_core.simulation.judgement import Truth
from seechange_core.simulation.pair import SimulatedPair, with_expected_snr
from seechange_core.steps.plain_images import MeasuredPair, PlainImage

_SNR_RANGE = (3.0, 30.0)
_EMPTY_FWHM = 3.0
_UNKNOWN_SCALE_ARCSEC = 1.0


@dataclass(frozen=True)
class KnownPair:
    """A pair ready for a subtractor, with the truth.

    Parameters
    ----------
    name : str
        For people.
    pair : AlignedPair
        PSFs, noise and flux ratio as they were measured.
    truth : Truth
        What the new image has and the reference has not.
    sources : SourceTable
        Of the new image.
    before : AlignedPair or None
        The same before sources were injected; None for a simulation, of which all is known.
    """

    name: str
    pair: AlignedPair
    truth: Truth
    sources: SourceTable
    before: AlignedPair | None = None


def plain_images(simulated: SimulatedPair, conditions: PairConditions) -> tuple[PlainImage, PlainImage]:
    """Return new image and reference of a simulated pair as plain images: pixels with sky, mask and gain alone."""
    images = []
    for name, frame, gain in (
        ("new", simulated.new, 1.0),
        ("reference", simulated.ref, float(conditions.n_ref_exposures)),
    ):
        data = with_sky(frame, conditions).data
        info = {"pixel_scale_arcsec": conditions.pixel_scale_arcsec}
        images.append(
            PlainImage(f"simulated {name}", data, frame.mask, gain=gain, gain_from="simulation", info=info)
        )
    return images[0], images[1]


def simulated_known_pair(
    seed: int, shape: tuple[int, int], conditions: PairConditions, profile: Profile
) -> KnownPair:
    """Simulate a pair and measure it from its pixels alone."""
    simulated = image_pair(seed, shape, conditions)
    measured = measure_plain_pair(*plain_images(simulated, conditions), profile)
    pair = align_plain_pair(measured, profile)
    return KnownPair(f"simulated, seed {seed}", pair, Truth.of(simulated), measured.new.sources)


def injected_known_pair(
    name: str, measured: MeasuredPair, number: int, rng: np.random.Generator, profile: Profile
) -> KnownPair:
    """Inject point sources into the new image of a measured pair, half of them beside extended sources, if any.

    Parameters
    ----------
    name : str
        For people.
    measured : MeasuredPair
        Both images.
    number : int
        Of sources; fewer where there is no room.
    rng : numpy.random.Generator
        Gives positions, fluxes and photons.
    profile : Profile
        For the alignment.

    Raises
    ------
    InputError
        If there is no room for any.
    """
    pair = align_plain_pair(measured, profile)
    sources, new_psf = measured.new.sources, measured.new.psf
    # Where the alignment leaves the reference without a PSF, its own is near enough to tell the noise.
    ref_psf = pair.ref_psf or measured.reference.psf
    reference = measured.reference
    deep_sources = on_pixels_of(measured.new.mapping, reference.sources, reference.mapping)
    positions, on_galaxy = _positions(rng, pair, sources, deep_sources, number, new_psf.fwhm)
    if not len(positions):
        raise InputError(f"{name}: there is no room for a source to be injected that both images cover")
    injected = with_expected_snr(
        positions,
        on_galaxy,
        rng.permutation(np.geomspace(*_SNR_RANGE, len(positions))),
        (new_psf, ref_psf),
        (pair.new.variance.astype(np.float64), np.maximum(pair.ref.variance, 1e-6).astype(np.float64)),
        pair.flux_ratio,
    )
    new = inject_point_sources(pair.new, new_psf, injected["x"], injected["y"], injected["flux"], rng)
    scale = float(pair.info.get("pixel_scale_arcsec") or _UNKNOWN_SCALE_ARCSEC)
    lit = [_near(table, pair.new.shape, _EMPTY_FWHM * new_psf.fwhm) for table in (sources, injected)]
    truth = Truth(injected, ~(lit[0] | lit[1]), scale)
    return KnownPair(name, replace(pair, new=new), truth, sources, before=pair)


def _positions(
    rng: np.random.Generator,
    pair: AlignedPair,
    sources: SourceTable,
    deep_sources: SourceTable,
    number: int,
    fwhm: float,
) -> tuple[Floats, NDArray[np.bool_]]:
    covered = ~grown(unusable(pair.new.mask) | unusable(pair.ref.mask), fwhm)
    places = FakePlaces(rng, covered, sources, deep_sources, fwhm)
    near_hosts = places.on_galaxies(number // 2)
    on_sky = places.on_sky(number - len(near_hosts))
    return np.concatenate([on_sky, near_hosts]), np.repeat([False, True], [len(on_sky), len(near_hosts)])


def _near(table: ColumnTable, shape: tuple[int, int], radius: float) -> NDArray[np.bool_]:
    plane = np.zeros(shape, bool)
    column, row = (np.floor(table[axis] + 0.5).astype(np.intp) for axis in "xy")
    inside = (column >= 0) & (column < shape[1]) & (row >= 0) & (row < shape[0])
    plane[row[inside], column[inside]] = True
    return grown(plane, radius)
