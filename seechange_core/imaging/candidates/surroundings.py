"""The nearest sources, stars, galaxies and asteroids of candidates, as columns of a `SurroundingsTable`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import (
    AsteroidTable,
    Floats,
    PhotometricSolution,
    SkyMapping,
    SourceTable,
    StarTable,
)
from seechange_core.imaging.candidates.nearest import nearest_on_sky, taken
from seechange_core.imaging.candidates.saturated_stars import SaturatedStars

Columns = dict[str, NDArray[Any]]
#: An extended source has so many sigma of the source itself.
_FAINTEST_GALAXY_SNR = 5.0
#: A star of a catalogue is a saturated one if it is this near to its pixels (pixel).
_BESIDE_PIXELS = 3.0


def reference_columns(
    ra: Floats, dec: Floats, sources: SourceTable, mapping: SkyMapping, photometry: PhotometricSolution
) -> Columns:
    """Return the columns of the nearest source of the reference, whatever it is.

    Parameters
    ----------
    ra, dec : array of shape (n,)
        Of the candidates (deg).
    sources, mapping, photometry
        Of the reference.
    """
    distance, index = nearest_on_sky(ra, dec, *mapping.pixel_to_sky(sources["x"], sources["y"]))
    extension = sources["extension"] if "extension" in sources else np.full(sources.n_rows, np.nan)
    flux = sources["flux"] * photometry.flux_per_electron_at(sources["x"], sources["y"])
    return {
        "reference_source_distance": distance,
        "reference_source_flux": taken(flux, index, np.nan),
        "reference_source_magnitude": taken(_magnitudes(sources["flux"], sources, photometry), index, np.nan),
        "reference_source_extension": taken(extension, index, np.nan),
        "reference_source_is_star": taken(sources["is_star"], index, False),
    }


def reference_galaxies(
    sources: SourceTable, mapping: SkyMapping, photometry: PhotometricSolution
) -> StarTable:
    """Return the extended sources of a reference as a catalogue of galaxies without names.

    Magnitudes are those of the largest aperture.
    """
    galaxies = sources.rows(~sources["is_star"] & (sources["snr"] >= _FAINTEST_GALAXY_SNR))
    ra, dec = mapping.pixel_to_sky(galaxies["x"], galaxies["y"])
    light = galaxies["flux"]
    if "aperture_flux" in galaxies:
        correction = 10.0 ** (-0.4 * float(galaxies.meta.get("aperture_correction", 0.0)))
        light = galaxies["aperture_flux"][:, -1] * correction
    none = np.zeros(galaxies.n_rows)
    return StarTable(
        {
            "id": np.full(galaxies.n_rows, ""),
            "ra": ra,
            "dec": dec,
            "ra_error": none,
            "dec_error": none,
            "mag_reference": _magnitudes(light, galaxies, photometry),
        }
    )


def star_columns(ra: Floats, dec: Floats, stars: StarTable) -> Columns:
    """Return the columns of the nearest star of a catalogue."""
    distance, index = nearest_on_sky(ra, dec, stars["ra"], stars["dec"])
    unknown = np.full(stars.n_rows, np.nan)
    motion = np.hypot(stars["pmra"], stars["pmdec"]) if "pmra" in stars and "pmdec" in stars else unknown
    variable = stars["variable"] if "variable" in stars else np.full(stars.n_rows, -1, np.int16)
    return {
        "star_id": taken(stars["id"], index, ""),
        "star_distance": distance,
        "star_magnitude": taken(_known(stars.main_magnitudes()), index, np.nan),
        "star_variable": taken(variable, index, -1),
        "star_proper_motion": taken(motion, index, np.nan),
    }


def galaxy_columns(ra: Floats, dec: Floats, galaxies: StarTable) -> Columns:
    """Return the columns of the nearest galaxy."""
    distance, index = nearest_on_sky(ra, dec, galaxies["ra"], galaxies["dec"])
    return {
        "galaxy_id": taken(galaxies["id"], index, ""),
        "galaxy_distance": distance,
        "galaxy_magnitude": taken(_known(galaxies.main_magnitudes()), index, np.nan),
    }


def asteroid_columns(ra: Floats, dec: Floats, asteroids: AsteroidTable) -> Columns:
    """Return the columns of the nearest known asteroid."""
    distance, index = nearest_on_sky(ra, dec, asteroids["ra"], asteroids["dec"])
    return {
        "asteroid": taken(asteroids["name"], index, ""),
        "asteroid_distance": distance,
        "asteroid_magnitude": taken(asteroids["magnitude"], index, np.nan),
        "asteroid_motion": taken(asteroids["motion"], index, np.nan),
    }


def saturation_columns(
    x: Floats, y: Floats, saturated: SaturatedStars, magnitudes: Floats, pixel_scale_arcsec: float
) -> Columns:
    """Return the columns of the nearest saturated star.

    Parameters
    ----------
    x, y : array of shape (n,)
        Of the candidates (pixel).
    saturated : SaturatedStars
        Of the image or its reference.
    magnitudes : array of shape (m,)
        Of these stars.
    pixel_scale_arcsec : float
        Of the image.
    """
    distance, star = saturated.nearest(x, y)
    return {
        "saturated_distance": distance * pixel_scale_arcsec,
        "saturated_pixels": taken(saturated.n_pixels.astype(np.float64), star, np.nan),
        "saturated_magnitude": taken(magnitudes, star, np.nan),
    }


def saturated_magnitudes(saturated: SaturatedStars, mapping: SkyMapping, stars: StarTable) -> Floats:
    """Return for each saturated star the magnitude of the brightest star of a catalogue on its pixels; NaN for none."""
    catalogued = stars.main_magnitudes()
    places = mapping.sky_to_pixel(stars["ra"], stars["dec"])
    _, star = saturated.nearest(*places, within=_BESIDE_PIXELS)
    on_it = (star >= 0) & np.isfinite(catalogued)
    magnitudes = np.full(len(saturated.x), np.inf)
    np.minimum.at(magnitudes, star[on_it], catalogued[on_it])
    return _known(magnitudes)


def _magnitudes(flux_electron: Floats, at: SourceTable, photometry: PhotometricSolution) -> Floats:
    if not photometry.calibrated:
        return np.full(at.n_rows, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        magnitudes = photometry.zero_point_at(at["x"], at["y"]) - 2.5 * np.log10(flux_electron)
    return _known(magnitudes)


def _known(magnitudes: Floats) -> Floats:
    return np.where(np.isfinite(magnitudes), magnitudes, np.nan)
