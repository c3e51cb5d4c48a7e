"""A new image and its reference with known truth, as a subtractor gets them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import AlignedPair, ColumnTable, Floats, Frame, PsfModel
from seechange_core.frames.arrays import as_pixels
from seechange_core.simulation.placement import choose_apart, host_trials, uniform_trials
from seechange_core.simulation.population import galaxy_columns, star_magnitudes
from seechange_core.simulation.psf_field import MoffatField
from seechange_core.simulation.rendering import add_galaxies, add_points
from seechange_core.simulation.significance import cut_around, effective_variance, information

PIXEL_SCALE_ARCSEC = 0.26
_MARGIN = 45.0
_SEPARATION = 28.0
_BRIGHT_ELECTRON = 2e5
_STAMP = 65
#: Pixels with more light than this part of the sky's noise are not empty.
_EMPTY_FRACTION = 0.1


@dataclass(frozen=True)
class SimulatedPair:
    """What `simulated_pair` makes.

    Parameters
    ----------
    pair : AlignedPair
        Ready for a subtractor; its PSF models are tabulated from the true ones.
    new_field, ref_field : MoffatField
        The true PSFs.
    transients : ColumnTable
        ``x``, ``y``, ``flux`` (electron in new), ``expected_snr`` (best possible in the difference, noise of
        host and of the source itself included), ``on_galaxy``. Only the new image has them.
    stars, galaxies : ColumnTable
        ``x``, ``y``, ``magnitude``, ``flux`` (electron in new), ``snr`` (best possible in the difference if all of
        that were to appear on empty sky).
    empty : bool array of shape (ny, nx)
        Where no source adds more than a tenth of the sky's noise to the new image.
    new_zero_point, ref_zero_point : float
        AB magnitude of 1 electron.
    """

    pair: AlignedPair
    new_field: MoffatField
    ref_field: MoffatField
    transients: ColumnTable
    stars: ColumnTable
    galaxies: ColumnTable
    empty: NDArray[np.bool_]
    new_zero_point: float
    ref_zero_point: float

    @property
    def new(self) -> Frame:
        """The new image."""
        return self.pair.new

    @property
    def ref(self) -> Frame:
        """The reference."""
        return self.pair.ref


def simulated_pair(
    seed: int,
    shape: tuple[int, int] = (1024, 1024),
    *,
    n_stars: int = 700,
    n_galaxies: int = 300,
    n_transients: int = 40,
    snr_range: tuple[float, float] = (3.0, 30.0),
    new_seeing_arcsec: float = 1.2,
    ref_seeing_arcsec: float = 1.0,
    new_shear: tuple[float, float] = (0.025, 0.015),
    ref_shear: tuple[float, float] = (-0.015, 0.01),
    pixel_scale_arcsec: float = PIXEL_SCALE_ARCSEC,
    sky_electron: float = 600.0,
    read_noise_electron: float = 7.0,
    n_ref_exposures: int = 5,
    new_zero_point: float = 30.0,
    ref_zero_point: float = 30.1,
    misregistration: tuple[float, float] = (0.0, 0.0),
    new_beta: float = 3.5,
    ref_beta: float = 3.5,
) -> SimulatedPair:
    """Simulate a new image and a reference on the same pixels, without background, in electrons.

    Parameters
    ----------
    seed : int
        The same seed gives the same pixels.
    shape : tuple of int
        Rows and columns.
    n_stars, n_galaxies : int
        On and just around the image.
    n_transients : int
        Half on empty sky, half near galaxies; fewer where there is no room. They keep 28 pixels from each
        other, 10 from stars and 40 from bright ones, by design: blends are not what they are to measure.
    snr_range : tuple of float
        Expected signal-to-noise ratios, evenly spread in the logarithm.
    new_seeing_arcsec, ref_seeing_arcsec : float
        FWHM.
    new_shear, ref_shear : tuple of float
        Of the PSFs in the middle of the image (g1, g2).
    pixel_scale_arcsec : float
        Side of a pixel.
    sky_electron, read_noise_electron : float
        Per pixel and exposure.
    n_ref_exposures : int
        The reference is their mean.
    new_zero_point, ref_zero_point : float
        AB magnitude of 1 electron.
    misregistration : tuple of float
        Displacement of all sources in the reference (pixel).
    new_beta, ref_beta : float
        Exponents of the Moffat profiles: the smaller, the more light in the wings.
    """
    rng = np.random.default_rng(seed)
    new_field = MoffatField(
        shape,
        new_seeing_arcsec / pixel_scale_arcsec,
        new_shear,
        new_beta,
        (0.018, 0.009, 0.015, -0.009),
        0.01,
    )
    ref_field = MoffatField(
        shape,
        ref_seeing_arcsec / pixel_scale_arcsec,
        ref_shear,
        ref_beta,
        (-0.009, 0.018, -0.012, 0.009),
        0.01,
    )
    flux_ratio = 10.0 ** (0.4 * (ref_zero_point - new_zero_point))
    stars, galaxies = _static_sky(rng, shape, (n_stars, n_galaxies), new_zero_point, pixel_scale_arcsec)
    new_light, ref_light = np.zeros(shape), np.zeros(shape)
    add_points(new_light, new_field, stars["x"], stars["y"], stars["flux"])
    add_galaxies(new_light, new_field, galaxies, galaxies["flux"])
    dx, dy = misregistration
    add_points(ref_light, ref_field, stars["x"] + dx, stars["y"] + dy, stars["flux"] * flux_ratio)
    moved = galaxies.with_columns(x=galaxies["x"] + dx, y=galaxies["y"] + dy)
    add_galaxies(ref_light, ref_field, moved, galaxies["flux"] * flux_ratio)

    floor = sky_electron + read_noise_electron**2
    fields, floors = (new_field, ref_field), (floor, floor / n_ref_exposures)
    sky_sigma = _sigma_on_sky(shape, fields, floors, flux_ratio)
    stars, galaxies = (table.with_columns(snr=table["flux"] / sky_sigma) for table in (stars, galaxies))
    positions, on_galaxy = _transient_positions(rng, shape, n_transients, stars, galaxies, pixel_scale_arcsec)
    transients = with_expected_snr(
        positions,
        on_galaxy,
        rng.permutation(np.geomspace(*snr_range, len(positions))),
        fields,
        (new_light + floor, (ref_light + floor) / n_ref_exposures),
        flux_ratio,
    )
    add_points(new_light, new_field, transients["x"], transients["y"], transients["flux"])
    noise = (sky_electron, read_noise_electron)
    new = _observed(rng, new_light, *noise, 1, pixel_scale_arcsec)
    ref = _observed(rng, ref_light, *noise, n_ref_exposures, pixel_scale_arcsec)
    empty = new_light < _EMPTY_FRACTION * np.sqrt(floor)
    pair = AlignedPair(
        new,
        ref,
        new_field.model(),
        ref_field.model(),
        flux_ratio,
        (abs(dx), abs(dy)),
        new.info,
    )
    return SimulatedPair(
        pair, new_field, ref_field, transients, stars, galaxies, empty, new_zero_point, ref_zero_point
    )


def _static_sky(
    rng: np.random.Generator,
    shape: tuple[int, int],
    numbers: tuple[int, int],
    zero_point: float,
    pixel_scale_arcsec: float,
) -> tuple[ColumnTable, ColumnTable]:
    n_stars, n_galaxies = numbers
    star_xy = uniform_trials(rng, shape, n_stars, -20.0)
    galaxy_xy = uniform_trials(rng, shape, n_galaxies, -20.0)
    stars = {"x": star_xy[:, 0], "y": star_xy[:, 1], "magnitude": star_magnitudes(rng, n_stars)}
    galaxies = {"x": galaxy_xy[:, 0], "y": galaxy_xy[:, 1], **galaxy_columns(rng, n_galaxies)}
    galaxies["radius"] = galaxies["radius_arcsec"] / pixel_scale_arcsec
    for columns in (stars, galaxies):
        columns["flux"] = 10.0 ** (0.4 * (zero_point - columns["magnitude"]))
    return ColumnTable(stars), ColumnTable(galaxies)


def _transient_positions(
    rng: np.random.Generator,
    shape: tuple[int, int],
    number: int,
    stars: ColumnTable,
    galaxies: ColumnTable,
    pixel_scale_arcsec: float,
) -> tuple[Floats, NDArray[np.bool_]]:
    star_xy = np.stack([stars["x"], stars["y"]], axis=1)
    galaxy_xy = np.stack([galaxies["x"], galaxies["y"]], axis=1)
    bright = (star_xy[stars["flux"] > _BRIGHT_ELECTRON], 40.0)
    on_sky = choose_apart(
        uniform_trials(rng, shape, 200 * number, _MARGIN),
        number - number // 2,
        _SEPARATION,
        np.empty((0, 2)),
        [(star_xy, 14.0), (galaxy_xy, 14.0), bright],
    )
    hosts = galaxies["magnitude"] < 22.5
    radii = galaxies["half_light_arcsec"][hosts] / pixel_scale_arcsec
    on_galaxies = choose_apart(
        host_trials(rng, shape, galaxy_xy[hosts], radii, _MARGIN),
        number // 2,
        _SEPARATION,
        on_sky,
        [(star_xy, 10.0), bright],
    )
    return np.concatenate([on_sky, on_galaxies]), np.repeat([False, True], [len(on_sky), len(on_galaxies)])


def _sigma_on_sky(
    shape: tuple[int, int],
    fields: tuple[MoffatField, MoffatField],
    variances: tuple[float, float],
    flux_ratio: float,
) -> float:
    """Return the least possible error of a faint source's flux (electron) in the middle of the image."""
    middle = np.array([shape[1] // 2]), np.array([shape[0] // 2])
    new_psf, ref_psf = (field.stamps(*middle, _STAMP) for field in fields)
    new_variance, ref_variance = (np.array([variance]) for variance in variances)
    return float(information(new_psf, ref_psf, new_variance, ref_variance, flux_ratio)[0] ** -0.5)


def with_expected_snr(
    positions: Floats,
    on_galaxy: NDArray[np.bool_],
    wanted_snr: Floats,
    psfs: tuple[MoffatField | PsfModel, MoffatField | PsfModel],
    variances: tuple[Floats, Floats],
    flux_ratio: float,
) -> ColumnTable:
    """Give transients the fluxes that have the wanted signal-to-noise ratios, with the noise of their own photons.

    Parameters
    ----------
    positions : array of shape (n, 2)
        x and y in the new image (pixel).
    on_galaxy : bool array of shape (n,)
        Becomes a column.
    wanted_snr : array of shape (n,)
        Best possible in the difference.
    psfs, variances : tuple of two
        PSFs and variance maps of the new image and of the reference (electron^2 of each).
    flux_ratio : float
        Electrons in the reference of a source of 1 electron in the new image.

    Returns
    -------
    ColumnTable
        ``x``, ``y``, ``flux`` (electron), ``expected_snr``, ``on_galaxy``.
    """
    x, y = positions[:, 0].copy(), positions[:, 1].copy()
    new_psf, ref_psf = (psf.stamps(x, y, _STAMP) for psf in psfs)
    new_map, ref_map = (cut_around(variance, x, y, _STAMP) for variance in variances)
    ref_variance = effective_variance(ref_psf, ref_map)
    flux = np.zeros(len(x))
    for _ in range(8):
        new_variance = effective_variance(new_psf, new_map + flux[:, None, None] * new_psf)
        sigma = 1.0 / np.sqrt(information(new_psf, ref_psf, new_variance, ref_variance, flux_ratio))
        flux = wanted_snr * sigma
    columns = {"x": x, "y": y, "flux": flux, "expected_snr": flux / sigma, "on_galaxy": on_galaxy}
    return ColumnTable(columns)


def _observed(
    rng: np.random.Generator,
    light: Floats,
    sky_electron: float,
    read_noise_electron: float,
    n_exposures: int,
    pixel_scale_arcsec: float,
) -> Frame:
    expected = light + sky_electron
    counts = rng.poisson(n_exposures * expected) / n_exposures
    noise = rng.normal(0.0, read_noise_electron / np.sqrt(n_exposures), light.shape)
    variance = (expected + read_noise_electron**2) / n_exposures
    info = {
        "filter": "r",
        "exposure_s": 60.0,
        "mjd": 61000.0,
        "pixel_scale_arcsec": pixel_scale_arcsec,
        "read_noise_electron": read_noise_electron / np.sqrt(n_exposures),
        "gain": 1.0,
        "instrument": "simulation",
    }
    data = as_pixels(counts + noise - sky_electron)
    return Frame(data, as_pixels(variance), np.zeros(light.shape, np.uint16), info)
