"""What an extraction would find of a random field, and what a catalogue has of it, without any pixels.

A hundred fields take seconds, so that astrometry can be tried on many kinds of sky: sparse and crowded, with seeing
and sky of all sorts, with blends, saturated stars, galaxies, cosmic rays, trails, stars that the catalogue lacks and
entries that are no stars.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from seechange_core.frames import Floats, MaskPlane, SkyMapping, SourceTable, StarTable
from seechange_core.simulation.population import star_magnitudes

_SIGMA_PER_FWHM = 1.0 / 2.3548200450309493
_READ_NOISE_ELECTRON = 7.0
_FULL_WELL_ELECTRON = 150_000.0
_DETECTION_SNR = 5.0
#: Centroids are not better than this part of the FWHM, whatever the flux: no PSF model is perfect.
_CENTROID_FLOOR_FWHM = 0.003
_MAGNITUDES = (12.0, 22.5)
_CATALOG_LIMIT = 20.5


@dataclass(frozen=True)
class FieldConditions:
    """How a field is made.

    Parameters
    ----------
    n_stars : int
        Down to magnitude 22.5 on the image.
    seeing_arcsec : float
        FWHM of the PSF.
    sky_electron : float
        Per pixel.
    zero_point : float
        Magnitude of 1 electron of the exposure.
    n_galaxies, n_cosmic_rays, n_trail : int
        Sources that are no stars: spread over the image; the last along a straight line.
    dead : float
        Part of the image's columns, on one side, where nothing is seen.
    missing, false : float
        Part of the stars that the catalogue lacks, and entries that are none relative to those that are.
    distortion_pixel : float
        Of the camera, at the corners of the image.
    centre : tuple of float
        Right ascension and declination (deg).
    """

    n_stars: int
    seeing_arcsec: float = 1.2
    sky_electron: float = 500.0
    zero_point: float = 30.0
    n_galaxies: int = 0
    n_cosmic_rays: int = 0
    n_trail: int = 0
    dead: float = 0.0
    missing: float = 0.05
    false: float = 0.02
    distortion_pixel: float = 1.5
    centre: tuple[float, float] = (150.0, -30.0)

    @classmethod
    def draw(cls, rng: np.random.Generator) -> FieldConditions:
        """Return random ones: 20 to 30,000 stars, seeing of 0.7 to 3 arcsec, 10 to 20,000 electrons of sky."""
        return cls(
            n_stars=int(_log_uniform(rng, 20, 30_000)),
            seeing_arcsec=_log_uniform(rng, 0.7, 3.0),
            sky_electron=_log_uniform(rng, 10, 20_000),
            zero_point=rng.uniform(28.0, 31.5),
            n_galaxies=int(_log_uniform(rng, 10, 2000)),
            n_cosmic_rays=int(_log_uniform(rng, 1, 300)),
            n_trail=int(rng.random() < 0.3) * int(_log_uniform(rng, 20, 400)),
            dead=0.5 * (rng.random() < 0.1),
            missing=rng.uniform(0.01, 0.25),
            false=rng.uniform(0.0, 0.1),
            distortion_pixel=rng.uniform(0.0, 2.5),
            centre=(rng.uniform(0, 360), math.degrees(math.asin(rng.uniform(-1, 1)))),
        )


@dataclass(frozen=True)
class ListedField:
    """Sources of an image, stars of a catalogue, and the truth.

    Parameters
    ----------
    sources : SourceTable
        As an extraction would give them, brightest first, with the further column ``star``: the row of the star, or
        -1 where the catalogue has none.
    stars : StarTable
        At the epoch of the image.
    truth : SkyMapping
        With SIP.
    shape : tuple of int
        Rows and columns of the image.
    """

    sources: SourceTable
    stars: StarTable
    truth: SkyMapping
    shape: tuple[int, int]

    def rms_pixel(self, mapping: SkyMapping) -> float:
        """Return the rms distance, over the image, of a mapping from the truth."""
        sides = (np.linspace(0, side - 1, 17) for side in self.shape)
        y, x = (values.ravel() for values in np.meshgrid(*sides, indexing="ij"))
        x_found, y_found = self.truth.sky_to_pixel(*mapping.pixel_to_sky(x, y))
        distance2 = (x_found - x) ** 2 + (y_found - y) ** 2
        return float(np.sqrt(np.mean(np.where(np.isfinite(distance2), distance2, np.inf))))

    def n_common(self, min_snr: float) -> int:
        """Return how many sources above a S/N, not saturated, are stars of the catalogue."""
        table = self.sources
        return int(np.sum((table["star"] >= 0) & (table["snr"] >= min_snr) & (table["mask"] == 0)))


def camera_mapping(
    rng: np.random.Generator,
    centre: tuple[float, float],
    shape: tuple[int, int],
    scale_arcsec: float,
    corner: float,
) -> SkyMapping:
    """Return a mapping, turned by up to 1 degree, with a smooth random distortion of `corner` pixels at the corners."""
    crpix = (0.5 * (shape[1] - 1), 0.5 * (shape[0] - 1))
    reach = math.hypot(*crpix)
    sip = np.zeros((2, 4, 4))
    for axis in (0, 1):
        for i in range(4):
            for j in range(4 - i):
                if i + j >= 2:
                    sip[axis, i, j] = rng.normal() * reach ** -(i + j)
    angle = math.radians(rng.uniform(-1.0, 1.0))
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    cd = scale_arcsec / 3600.0 * turn @ np.diag([-1.0, 1.0])
    whole = SkyMapping(centre, crpix, cd, sip[0], sip[1])
    x, y = np.array([0.0, shape[1], 0.0, shape[1]]), np.array([0.0, 0.0, shape[0], shape[0]])
    plain = SkyMapping(centre, crpix, cd)
    shift = np.stack(plain.plane_to_pixel(*whole.pixel_to_plane(x, y))) - np.stack([x, y])
    sip *= corner / float(np.hypot(*shift).max())
    return replace(whole, sip_a=sip[0], sip_b=sip[1])


def wrong_header(
    truth: SkyMapping,
    shape: tuple[int, int],
    offset_arcsec: tuple[float, float] = (0.0, 0.0),
    turn_deg: float = 0.0,
    scale: float = 1.0,
    mirror: bool = False,
) -> SkyMapping:
    """Return the truth as a bad header might tell it.

    Parameters
    ----------
    truth : SkyMapping
        Its distortion is left out.
    shape : tuple of int
        Rows and columns of the image.
    offset_arcsec : tuple of float
        How far the image's centre is moved to the east and north.
    turn_deg, scale : float
        How far it is turned and stretched about the centre.
    mirror : bool
        Whether x is reversed.
    """
    crpix = (0.5 * (shape[1] - 1), 0.5 * (shape[0] - 1))
    ra, dec = truth.pixel_to_sky(*crpix)
    angle = math.radians(turn_deg)
    turn = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    plane = SkyMapping((float(ra), float(dec)), (0.0, 0.0), np.eye(2))
    moved = plane.pixel_to_sky(offset_arcsec[0] / 3600.0, offset_arcsec[1] / 3600.0)
    cd = turn @ truth.cd @ np.diag([-1.0 if mirror else 1.0, 1.0])
    return SkyMapping((float(moved[0]), float(moved[1])), crpix, cd)


def listed_field(
    rng: np.random.Generator,
    conditions: FieldConditions,
    shape: tuple[int, int] = (4096, 2048),
    scale_arcsec: float = 0.26,
    margin_arcsec: float = 300.0,
) -> ListedField:
    """Simulate the lists of a field, whose catalogue reaches beyond the image by a margin."""
    truth = camera_mapping(rng, conditions.centre, shape, scale_arcsec, conditions.distortion_pixel)
    ny, nx = shape
    margin = margin_arcsec / scale_arcsec
    spread = (1.0 + 2.0 * margin / nx) * (1.0 + 2.0 * margin / ny)
    number = int(rng.poisson(conditions.n_stars * spread))
    x, y = rng.uniform(-margin, nx + margin, number), rng.uniform(-margin, ny + margin, number)
    magnitude = star_magnitudes(rng, number, _MAGNITUDES)
    stars, row_of = _catalog(rng, conditions, truth, x, y, magnitude)
    on = (x > 0) & (x < nx - 1) & (y > 0) & (y < ny - 1)
    flux = 10.0 ** (0.4 * (conditions.zero_point - magnitude + rng.normal(0.0, 0.3, number)))
    sources = _sources(rng, conditions, shape, scale_arcsec, x[on], y[on], flux[on], row_of[on])
    return ListedField(sources, stars, truth, shape)


def _catalog(
    rng: np.random.Generator,
    conditions: FieldConditions,
    truth: SkyMapping,
    x: Floats,
    y: Floats,
    magnitude: Floats,
) -> tuple[StarTable, NDArray[Any]]:
    """Return the catalogue and, for each star, its row there or -1."""
    listed = np.flatnonzero((magnitude < _CATALOG_LIMIT) & (rng.random(len(x)) >= conditions.missing))
    n_false = int(conditions.false * len(listed))
    x = np.append(x[listed], rng.uniform(x.min(initial=0), x.max(initial=1), n_false))
    y = np.append(y[listed], rng.uniform(y.min(initial=0), y.max(initial=1), n_false))
    row_of = np.full(len(magnitude), -1)
    row_of[listed] = np.arange(len(listed))
    magnitude = np.append(magnitude[listed], star_magnitudes(rng, n_false, (16.0, _CATALOG_LIMIT)))
    error_mas = 0.05 + 10.0 ** (0.26 * (magnitude - 21.0))
    ra, dec = truth.pixel_to_sky(x, y)
    east, north = rng.standard_normal((2, len(x))) * error_mas
    # One star in fifty moved by more than the catalogue knows.
    runaway = rng.random(len(x)) < 0.02
    east = east + runaway * rng.normal(0.0, 100.0, len(x))
    columns = {"id": np.arange(len(x)).astype(str), "ra_error": error_mas, "dec_error": error_mas}
    columns |= {"ra": (ra + east / 3.6e6 / np.cos(np.radians(dec))) % 360.0, "dec": dec + north / 3.6e6}
    columns |= {"mag_G": magnitude, "mag_G_error": np.full(len(x), 0.01)}
    return StarTable(columns, {"epoch_mjd": 60000.0, "catalog": "simulated", "system": {"G": "vega"}}), row_of


def _sources(
    rng: np.random.Generator,
    conditions: FieldConditions,
    shape: tuple[int, int],
    scale_arcsec: float,
    x: Floats,
    y: Floats,
    flux: Floats,
    star: NDArray[Any],
) -> SourceTable:
    fwhm = conditions.seeing_arcsec / scale_arcsec
    sigma = fwhm * _SIGMA_PER_FWHM
    sky_noise2 = 4.0 * math.pi * sigma**2 * (conditions.sky_electron + _READ_NOISE_ELECTRON**2)
    x, y, flux, star = _blended(x, y, flux, star, fwhm)
    ny, nx = shape
    faint = _DETECTION_SNR * math.sqrt(sky_noise2)
    for number in (conditions.n_galaxies, conditions.n_cosmic_rays):
        x, y = np.append(x, rng.uniform(0, nx - 1, number)), np.append(y, rng.uniform(0, ny - 1, number))
        flux = np.append(flux, faint * rng.pareto(1.0, number) + faint)
    along = np.sort(rng.random(conditions.n_trail))
    ends = rng.uniform(0, 1, (2, 2)) * np.array([nx - 1, ny - 1])
    x = np.append(x, ends[0, 0] + along * (ends[1, 0] - ends[0, 0]))
    y = np.append(y, ends[0, 1] + along * (ends[1, 1] - ends[0, 1]))
    flux = np.append(flux, faint * rng.uniform(3.0, 60.0) * rng.uniform(0.5, 2.0, conditions.n_trail))
    star = np.append(star, np.full(len(x) - len(star), -1))
    noise = np.sqrt(sky_noise2 + flux)
    measured = flux + noise * rng.standard_normal(len(flux))
    snr = measured / noise
    saturated = flux / (2.0 * math.pi * sigma**2) > _FULL_WELL_ELECTRON
    error = np.hypot(sigma * math.sqrt(2.0) / np.maximum(snr, 1.0), _CENTROID_FLOOR_FWHM * fwhm)
    blunder = np.where(saturated, 0.3 * fwhm, 0.0)
    shift = rng.standard_normal((2, len(x))) * np.hypot(error, blunder)
    columns: dict[str, NDArray[Any]] = {name: np.zeros(len(x)) for name in SourceTable.COLUMNS}
    columns |= {"x": x + shift[0], "y": y + shift[1], "x_error": error, "y_error": error}
    # What is left of a saturated star's light is anybody's guess.
    columns["flux"] = np.where(saturated, measured * rng.uniform(0.1, 1.0, len(x)), measured)
    columns |= {"flux_error": noise, "snr": snr, "star": star, "is_star": star >= 0}
    columns["mask"] = np.where(saturated, int(MaskPlane.SATURATED), 0)
    found = np.flatnonzero((snr >= _DETECTION_SNR) & (x >= conditions.dead * nx))
    return SourceTable(columns).rows(found[np.argsort(-columns["flux"][found], kind="stable")])


def _blended(
    x: Floats, y: Floats, flux: Floats, star: NDArray[Any], fwhm: float
) -> tuple[Floats, Floats, Floats, NDArray[Any]]:
    """Join stars within 0.8 FWHM of a brighter one, and pull those a little farther apart towards each other."""
    order = np.argsort(-flux, kind="stable")
    x, y, flux, star = x[order].copy(), y[order].copy(), flux[order].copy(), star[order]
    alone = np.ones(len(x), bool)
    pairs = cKDTree(np.stack([x, y], axis=1)).query_pairs(2.0 * fwhm, output_type="ndarray")
    for bright, faint in pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))] if len(pairs) else ():
        if not (alone[bright] and alone[faint]):
            continue
        dx, dy = x[faint] - x[bright], y[faint] - y[bright]
        distance = math.hypot(dx, dy)
        pull = flux[faint] / (flux[bright] + flux[faint])
        if distance < 0.8 * fwhm:
            alone[faint] = False
            flux[bright] += flux[faint]
        else:
            pull *= 0.1 * math.exp(-((distance / fwhm) ** 2))
        x[bright] += pull * dx
        y[bright] += pull * dy
    return x[alone], y[alone], flux[alone], star[alone]


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(math.exp(rng.uniform(math.log(low), math.log(high))))
