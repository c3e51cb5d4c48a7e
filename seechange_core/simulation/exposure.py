"""One exposure of a sky: conditions of the night, the light on the pixels, and the truth of every source."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import ColumnTable, Floats, Frame, SkyMapping
from seechange_core.frames.arrays import as_pixels
from seechange_core.simulation.psf_field import MoffatField
from seechange_core.simulation.rendering import add_galaxies, add_points
from seechange_core.simulation.sky import Sky

#: How far off the image a source is still of interest (pixel).
_MARGIN = 150.0


@dataclass(frozen=True)
class Conditions:
    """What one epoch was like.

    Parameters
    ----------
    mjd : float
        Mid-exposure, UTC.
    exposure_s : float
        Open-shutter time.
    band : str
        Filter: ``"g"``, ``"r"`` or ``"i"``.
    seeing_arcsec : float
        FWHM of the PSF in the middle of a section.
    sky_electron : float
        Per pixel.
    zero_point : float
        AB magnitude of 1 electron of the exposure: telescope, exposure time and transparency.
    shear : tuple of float
        Of the PSF in the middle of a section.
    airmass : float
        Only reported.
    """

    mjd: float
    exposure_s: float
    band: str
    seeing_arcsec: float
    sky_electron: float
    zero_point: float
    shear: tuple[float, float] = (0.0, 0.0)
    airmass: float = 1.0

    def flux(self, magnitude: Floats) -> Floats:
        """Return electrons of magnitudes; 0 for an infinite magnitude."""
        return np.asarray(10.0 ** (0.4 * (self.zero_point - magnitude)))

    def psf_field(
        self, shape: tuple[int, int], pixel_scale_arcsec: float, terms: tuple[float, float, float, float]
    ) -> MoffatField:
        """Return the PSF over an image; `terms` as `MoffatField.width_terms`."""
        fwhm = self.seeing_arcsec / pixel_scale_arcsec
        return MoffatField(shape, fwhm, self.shear, width_terms=terms, shear_slope=0.01)


def static_light(
    sky: Sky, mapping: SkyMapping, field: MoffatField, conditions: Conditions
) -> tuple[Floats, ColumnTable]:
    """Draw the stars and galaxies of a sky.

    Returns
    -------
    array of shape (ny, nx)
        Electrons, without sky and noise.
    ColumnTable
        Truth of what is on or near the image: ``kind`` (``"star"``, ``"variable"``, ``"galaxy"``), ``id``,
        ``x``, ``y`` (pixel), ``ra``, ``dec`` (deg), ``magnitude`` (AB) and ``flux`` (electron) at this epoch.
    """
    light = np.zeros(field.shape)
    ra, dec = sky.star_positions(conditions.mjd)
    magnitude = sky.star_magnitudes(conditions.band, conditions.mjd)
    kind = np.where(sky.stars["amplitude"] > 0, "variable", "star")
    stars = _seen(mapping, field, conditions, kind, sky.stars["id"], ra, dec, magnitude)
    add_points(light, field, stars["x"], stars["y"], stars["flux"])
    table = sky.galaxies
    kind = np.full(table.n_rows, "galaxy")
    magnitude = table[f"mag_{conditions.band}"]
    galaxies = _seen(mapping, field, conditions, kind, table["id"], table["ra"], table["dec"], magnitude)
    shapes = table.rows(galaxies["id"])
    shapes = shapes.with_columns(
        x=galaxies["x"],
        y=galaxies["y"],
        radius=shapes["radius_arcsec"] / mapping.pixel_scale_arcsec,
        angle=_angle_on_pixels(mapping, shapes["angle"]),
    )
    add_galaxies(light, field, shapes, galaxies["flux"])
    return light, stacked(stars, galaxies)


def transients_seen(sky: Sky, mapping: SkyMapping, field: MoffatField, conditions: Conditions) -> ColumnTable:
    """Return the truth of the transients on or near an image, with columns as `static_light` has them."""
    table = sky.transients
    kind = np.full(table.n_rows, "transient")
    magnitude = sky.transient_magnitudes(conditions.mjd)
    return _seen(mapping, field, conditions, kind, table["id"], table["ra"], table["dec"], magnitude)


def render_frame(
    rng: np.random.Generator,
    sky: Sky,
    mapping: SkyMapping,
    field: MoffatField,
    conditions: Conditions,
    read_noise_electron: float,
) -> tuple[Frame, ColumnTable]:
    """Draw a calibrated exposure of a sky: electrons with sky, Poisson and read noise, and true variance.

    Returns
    -------
    Frame
        With an empty mask.
    ColumnTable
        Truth of every source on or near the image, columns as in `static_light`.
    """
    light, truth = static_light(sky, mapping, field, conditions)
    transients = transients_seen(sky, mapping, field, conditions)
    add_points(light, field, transients["x"], transients["y"], transients["flux"])
    expected = light + conditions.sky_electron
    data = rng.poisson(expected) + rng.normal(0.0, read_noise_electron, light.shape)
    ra, dec = mapping.pixel_to_sky((field.shape[1] - 1) / 2, (field.shape[0] - 1) / 2)
    info = {
        "mjd": conditions.mjd,
        "exposure_s": conditions.exposure_s,
        "filter": conditions.band,
        "ra_deg": float(ra),
        "dec_deg": float(dec),
        "airmass": conditions.airmass,
        "gain": 1.0,
        "read_noise_electron": read_noise_electron,
        "pixel_scale_arcsec": mapping.pixel_scale_arcsec,
        "instrument": "simulation",
    }
    variance = as_pixels(expected + read_noise_electron**2)
    frame = Frame(as_pixels(data), variance, np.zeros(light.shape, np.uint16), info)
    return frame, stacked(truth, transients)


def _seen(
    mapping: SkyMapping,
    field: MoffatField,
    conditions: Conditions,
    kind: NDArray[Any],
    number: NDArray[Any],
    ra: Floats,
    dec: Floats,
    magnitude: Floats,
) -> ColumnTable:
    x, y = mapping.sky_to_pixel(ra, dec)
    ny, nx = field.shape
    near = (x > -_MARGIN) & (x < nx + _MARGIN) & (y > -_MARGIN) & (y < ny + _MARGIN)
    columns = {"kind": kind, "id": number, "x": x, "y": y, "ra": ra, "dec": dec, "magnitude": magnitude}
    columns["flux"] = conditions.flux(magnitude)
    return ColumnTable({name: values[near] for name, values in columns.items()})


def stacked(*tables: ColumnTable) -> ColumnTable:
    """Return tables of the same columns as one."""
    return ColumnTable({name: np.concatenate([table[name] for table in tables]) for name in tables[0]})


def mispointed(reported: SkyMapping, error_deg: float, rotation_deg: float) -> SkyMapping:
    """Return where a telescope really points: off to the south-east by some degrees, and turned about the boresight."""
    shift, angle = error_deg / math.sqrt(2.0), math.radians(rotation_deg)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    ra, dec = reported.crval
    crval = (ra + shift / math.cos(math.radians(dec)), dec - shift)
    return replace(reported, crval=crval, cd=turn @ reported.cd)


def _angle_on_pixels(mapping: SkyMapping, angle: Floats) -> Floats:
    """Turn angles from west to north into angles from +x to +y."""
    west = np.linalg.inv(mapping.cd) @ np.array([-1.0, 0.0])
    handedness = -np.sign(np.linalg.det(mapping.cd))
    return np.arctan2(west[1], west[0]) + handedness * angle
