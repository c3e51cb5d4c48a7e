"""The transients of the simulated survey: where they are, and how bright for the wanted significance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from seechange_core.builtin.simcam import PIXEL_SCALE_ARCSEC, SECTIONS
from seechange_core.builtin.survey_plan import Visit
from seechange_core.frames import ColumnTable, Floats, SkyMapping
from seechange_core.simulation.detector import Detector
from seechange_core.simulation.exposure import Conditions
from seechange_core.simulation.placement import choose_apart, host_trials, uniform_trials
from seechange_core.simulation.psf_field import MoffatField
from seechange_core.simulation.significance import cut_around, effective_variance, information
from seechange_core.simulation.sky import Sky, transient_table

#: Of each section: significant ones and faint ones, and the ranges of their best expected S/N.
_BRIGHT, _BRIGHT_SNR = 50, (11.0, 60.0)
_FAINT, _FAINT_SNR = 15, (5.2, 9.8)
_MARGIN = 90.0
_SEPARATION = 28.0
_OFF_DEFECTS = 8.0
_STAMP = 65
#: Typical of the camera's amplifiers.
_READ_NOISE_ELECTRON = 6.7
_HOSTS_BRIGHTER_THAN = 22.8
_BRIGHT_STAR_MAGNITUDE = 17.0


@dataclass(frozen=True)
class SectionEpoch:
    """One epoch as one section sees it.

    Parameters
    ----------
    visit : Visit
    mapping, field : SkyMapping, MoffatField
        The true ones.
    light : array of shape (ny, nx)
        Electrons of stars and galaxies.
    """

    visit: Visit
    mapping: SkyMapping
    field: MoffatField
    light: Floats


@dataclass(frozen=True)
class PlacedTransients:
    """What `place_transients` makes.

    Parameters
    ----------
    sky : Sky
        With the transients of one section.
    table : ColumnTable
        Their truth: ``id``, ``section``, ``ra``, ``dec``, ``host``, ``on_galaxy``, ``peak_magnitude``,
        ``peak_mjd``, ``rise_day``, ``decay_day``; ``magnitude`` and ``expected_snr`` of shape (n, new epochs);
        ``best_snr``.
    """

    sky: Sky
    table: ColumnTable


def place_transients(
    rng: np.random.Generator, section: str, sky: Sky, epochs: Sequence[SectionEpoch], detector: Detector
) -> PlacedTransients:
    """Place the transients of one section and give each the flux that its expected significance asks for.

    Parameters
    ----------
    rng : numpy.random.Generator
    section : str
        Of the camera; transients are numbered from 1000 in the first, from 2000 in the second.
    sky : Sky
        Stars and galaxies.
    epochs : sequence of SectionEpoch
        Those of the reference and the new ones.
    detector : Detector
        Whose bad columns are avoided in every epoch.
    """
    new = [epoch for epoch in epochs if epoch.visit.is_new]
    x, y, host = _positions(rng, sky, new[0], epochs, detector)
    ra, dec = new[0].mapping.pixel_to_sky(x, y)
    number = len(x)
    wanted = np.concatenate([np.geomspace(*_BRIGHT_SNR, _BRIGHT), np.geomspace(*_FAINT_SNR, _FAINT)])
    wanted = wanted[_alternating(number, int((host < 0).sum()))]
    times = np.array([epoch.visit.conditions.mjd for epoch in new])
    columns = {
        "ra": ra,
        "dec": dec,
        "host": host,
        "peak_magnitude": np.full(number, 21.0),
        "peak_mjd": rng.choice(times, number),
        "rise_day": rng.uniform(2.0, 4.0, number),
        "decay_day": rng.uniform(8.0, 30.0, number),
    }
    around = [_Surroundings.of(ra, dec, epoch, epochs) for epoch in new]
    complete, snr = _at_magnitude(sky, columns, around)
    for _ in range(5):
        columns["peak_magnitude"] = columns["peak_magnitude"] + 2.5 * np.log10(snr.max(axis=1) / wanted)
        complete, snr = _at_magnitude(sky, columns, around)
    first_id = 1000 * (list(SECTIONS).index(section) + 1)
    table = complete.transients.with_columns(
        id=complete.transients["id"] + first_id,
        section=np.full(number, section),
        on_galaxy=host >= 0,
        magnitude=np.stack([complete.transient_magnitudes(mjd) for mjd in times], axis=1),
        expected_snr=snr,
        best_snr=snr.max(axis=1),
    )
    return PlacedTransients(complete, table)


@dataclass(frozen=True)
class _Surroundings:
    """What the significance at a new epoch depends on, but for the transients' own light."""

    conditions: Conditions
    psf: Floats
    variance: Floats
    ref_psf: Floats
    ref_variance: Floats

    @classmethod
    def of(
        cls, ra: Floats, dec: Floats, epoch: SectionEpoch, epochs: Sequence[SectionEpoch]
    ) -> _Surroundings:
        """Combine the epochs of the reference with the weights that suit a point source."""
        zero_point = epoch.visit.conditions.zero_point
        psf, variance = _stamps(ra, dec, epoch)
        ref_psf, weights = np.zeros_like(psf), np.zeros(len(ra))
        for other in epochs:
            if not other.visit.is_new:
                other_psf, other_variance = _stamps(ra, dec, other)
                ratio = 10.0 ** (0.4 * (other.visit.conditions.zero_point - zero_point))
                weight = ratio**2 / effective_variance(other_psf, other_variance)
                ref_psf += weight[:, None, None] * other_psf
                weights += weight
        return cls(epoch.visit.conditions, psf, variance, ref_psf / weights[:, None, None], 1.0 / weights)

    def snr(self, magnitude: Floats) -> Floats:
        """Return the signal-to-noise ratio of an optimal subtraction, the source's own photon noise included."""
        flux = self.conditions.flux(magnitude)
        variance = effective_variance(self.psf, self.variance + flux[:, None, None] * self.psf)
        return flux * np.sqrt(information(self.psf, self.ref_psf, variance, self.ref_variance, 1.0))


def _stamps(ra: Floats, dec: Floats, epoch: SectionEpoch) -> tuple[Floats, Floats]:
    """Return PSF and variance (electron^2) around each transient."""
    x, y = epoch.mapping.sky_to_pixel(ra, dec)
    floor = epoch.visit.conditions.sky_electron + _READ_NOISE_ELECTRON**2
    return epoch.field.centred(x, y, _STAMP), cut_around(epoch.light, x, y, _STAMP) + floor


def _at_magnitude(
    sky: Sky, columns: dict[str, Floats], around: Sequence[_Surroundings]
) -> tuple[Sky, Floats]:
    """Return the sky with the transients, and their significance at each new epoch, shape (n, epochs)."""
    complete = replace(sky, transients=transient_table(columns))
    snr = [place.snr(complete.transient_magnitudes(place.conditions.mjd)) for place in around]
    return complete, np.stack(snr, axis=1)


def _positions(
    rng: np.random.Generator,
    sky: Sky,
    epoch: SectionEpoch,
    epochs: Sequence[SectionEpoch],
    detector: Detector,
) -> tuple[Floats, Floats, Floats]:
    """Return x, y in one epoch, and the host's id or -1; half of them are on galaxies."""
    mapping, shape = epoch.mapping, detector.shape
    stars = np.stack(mapping.sky_to_pixel(*sky.star_positions(epoch.visit.conditions.mjd)), axis=1)
    galaxies = np.stack(mapping.sky_to_pixel(sky.galaxies["ra"], sky.galaxies["dec"]), axis=1)
    bright = (stars[sky.stars["mag_r"] < _BRIGHT_STAR_MAGNITUDE], 40.0)
    total = _BRIGHT + _FAINT

    def off_defects(trials: Floats) -> Floats:
        ra, dec = mapping.pixel_to_sky(trials[:, 0], trials[:, 1])
        columns = np.stack([other.mapping.sky_to_pixel(ra, dec)[0] for other in epochs])
        distance = np.abs(columns[:, :, None] - np.array(detector.bad_columns))
        return trials[distance.min(axis=(0, 2)) > _OFF_DEFECTS]

    is_host = sky.galaxies["mag_r"] < _HOSTS_BRIGHTER_THAN
    radii = sky.galaxies["half_light_arcsec"][is_host] / PIXEL_SCALE_ARCSEC
    on_galaxies = choose_apart(
        off_defects(host_trials(rng, shape, galaxies[is_host], radii, _MARGIN)),
        total // 2,
        _SEPARATION,
        np.empty((0, 2)),
        [(stars, 10.0), bright],
    )
    on_sky = choose_apart(
        off_defects(uniform_trials(rng, shape, 100 * total, _MARGIN)),
        total - len(on_galaxies),
        _SEPARATION,
        on_galaxies,
        [(stars, 14.0), (galaxies, 14.0), bright],
    )
    nearest = np.hypot(*(on_galaxies[:, None, :] - galaxies[is_host][None]).transpose(2, 0, 1)).argmin(axis=1)
    host = np.concatenate([np.full(len(on_sky), -1), sky.galaxies["id"][is_host][nearest]])
    xy = np.concatenate([on_sky, on_galaxies])
    return xy[:, 0].copy(), xy[:, 1].copy(), host


def _alternating(number: int, n_sky: int) -> Floats:
    """Deal ranks 0 to number - 1 in turn to those on the sky (first in the list) and those on galaxies."""
    order = np.argsort(np.concatenate([np.arange(n_sky), np.arange(number - n_sky) + 0.5]), kind="stable")
    ranks = np.empty(number, dtype=int)
    ranks[order] = np.arange(number)
    return ranks
