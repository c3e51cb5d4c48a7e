"""Surroundings: what is near the candidates of an image, and how they stood above the horizon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seechange_core.api import Instrument, Params, parameter
from seechange_core.frames import Floats, Frame, SkyMapping, SurroundingsTable
from seechange_core.params import Slot
from seechange_core.steps.catalog_region import circle_around, region_of
from seechange_core.steps.step import (
    AsteroidRequest,
    CatalogRequest,
    ReferenceSourcesRequest,
    Request,
    Step,
    StepContext,
    StepResult,
    UsedStarsRequest,
)

#: What stands for something unknown, by the type of the column; NaN in all others.
_UNKNOWN: Mapping[type[np.generic], Any] = {np.bool_: False, np.str_: "", np.int16: -1}


class SurroundingsParams(Params):
    """What is known of the sky besides stars, and how far around the image it is looked for."""

    orbits: str | None = parameter(
        None,
        description="File with orbits of asteroids: MPCORB.DAT, or a CSV table with the names of JPL's small-body"
        " database; which one it was is kept with each product",
        critical=False,
        min_length=1,
    )
    margin_arcsec: float = parameter(
        60.0,
        description="How far around the image galaxies and asteroids are looked for",
        unit="arcsec",
        ge=0,
        le=3600,
    )
    galaxy_magnitude_limit: float = parameter(
        30.0, description="Faintest galaxy, in the catalogue's main band", unit="mag", ge=5, le=40
    )

    def critical(self) -> dict[str, Any]:
        """Return what can change the output: of the orbits, whether there are any, for new ones come every day."""
        return {**super().critical(), "asteroids": self.orbits is not None}


class Surroundings(Step):
    """Look at what is near each candidate.

    Stars are those that the astrometry used, or else the photometry. Galaxies are those of a catalogue, or else the
    extended sources of the reference.
    """

    process: ClassVar[str] = "surroundings"
    version: ClassVar[str] = "1.0"
    Params: ClassVar[type[Params]] = SurroundingsParams
    slots: ClassVar[tuple[Slot, ...]] = (Slot("catalog", name="galaxies", optional=True),)
    inputs: ClassVar[tuple[str, ...]] = (
        "image",
        "difference",
        "aligned_reference",
        "measurements",
        "mapping",
    )
    outputs: ClassVar[tuple[str, ...]] = ("surroundings",)

    def requests(self, inputs: Mapping[str, Any], params: Any, context: StepContext) -> tuple[Request, ...]:
        """Ask for the sources of the reference and, where candidates have places on the sky, for what is there."""
        image, mapping = inputs["image"], inputs["mapping"]
        wanted: list[Request] = [ReferenceSourcesRequest()]
        if mapping is None or mapping.relative_to:
            return tuple(wanted)
        mjd = float(image.info["mjd"])
        wanted.append(UsedStarsRequest(mjd))
        margin_deg = params.margin_arcsec / 3600.0
        if context.components["galaxies"]:
            region = region_of(mapping, image.shape, margin_deg, params.galaxy_magnitude_limit)
            wanted.append(CatalogRequest(region, mjd, slot="galaxies", role="galaxies"))
        if params.orbits is not None:
            ra, dec, radius_deg = circle_around(mapping, image.shape)
            wanted.append(AsteroidRequest(params.orbits, ra, dec, radius_deg + margin_deg, mjd))
        return tuple(wanted)

    def run(self, inputs: Mapping[str, Any], params: Any, context: StepContext) -> StepResult:
        """Return ``surroundings``: `SurroundingsTable` in the order of the measurements.

        Metrics are ``n_saturated_stars``, and ``spike_angles_deg`` in the new image (from +x to +y).
        """
        from seechange_core.imaging.candidates import surroundings as near
        from seechange_core.imaging.candidates.diffraction_spikes import diffraction_spikes
        from seechange_core.imaging.candidates.saturated_stars import saturated_stars

        image, ref, measured = inputs["image"], inputs["aligned_reference"], inputs["measurements"]
        mapping, reference = inputs["mapping"], inputs["reference_sources"]
        stars, galaxies, asteroids = (inputs.get(role) for role in ("stars", "galaxies", "asteroids"))
        x, y, ra, dec = (measured[name] for name in ("x", "y", "ra", "dec"))

        fwhm, scale = inputs["difference"].psf.fwhm, _pixel_scale_arcsec(image, mapping)
        saturated = saturated_stars(image.mask, ref.mask)
        spikes, ref_spikes = (diffraction_spikes(frame, saturated, fwhm) for frame in (image, ref))
        columns = {"spike_distance": scale * np.fmin(spikes.distance(x, y), ref_spikes.distance(x, y))}
        magnitudes = np.full(len(saturated.x), np.nan)
        if stars is not None:
            magnitudes = near.saturated_magnitudes(saturated, mapping, stars)
            columns |= near.star_columns(ra, dec, stars)
        columns |= near.saturation_columns(x, y, saturated, magnitudes, scale)
        columns |= near.reference_columns(ra, dec, *reference)
        galaxy_source = "reference" if galaxies is None else context.component("galaxies").name
        galaxies = near.reference_galaxies(*reference) if galaxies is None else galaxies
        columns |= near.galaxy_columns(ra, dec, galaxies)
        if asteroids is not None:
            columns |= near.asteroid_columns(ra, dec, asteroids)
        columns |= _horizon(ra, dec, image, mapping, context.instrument)
        meta = {"flux_unit": reference.photometry.flux_unit, "galaxies": galaxy_source}
        metrics = {
            "n_saturated_stars": len(saturated.x),
            "spike_angles_deg": sorted({round(float(angle), 2) for angle in spikes.angle_deg}),
        }
        return StepResult({"surroundings": _table(columns, measured.n_rows, meta)}, metrics)


def _horizon(
    ra: Floats, dec: Floats, image: Frame, mapping: SkyMapping | None, instrument: Instrument
) -> dict[str, Floats]:
    """Return airmass and parallactic angle, where places on the sky, time and site are known."""
    from seechange_core.imaging.astrometry.horizon import above_horizon
    from seechange_core.imaging.astrometry.observer import Place

    site = instrument.site
    if site is None or mapping is None or mapping.relative_to:
        return {}
    place = Place(site.longitude_deg, site.latitude_deg, site.elevation_m)
    airmass, angle_deg = above_horizon(ra, dec, float(image.info["mjd"]), place)
    return {"airmass": airmass, "parallactic_angle": angle_deg}


def _table(columns: Mapping[str, NDArray[Any]], n_rows: int, meta: Mapping[str, Any]) -> SurroundingsTable:
    """Return the columns with those added that nothing is known of."""
    unknown = {
        name: np.full(n_rows, _UNKNOWN.get(dtype, np.nan), dtype)
        for name, (dtype, _, _) in SurroundingsTable.COLUMNS.items()
    }
    return SurroundingsTable({**unknown, **columns}, meta)


def _pixel_scale_arcsec(image: Frame, mapping: SkyMapping | None) -> float:
    if mapping is not None:
        return mapping.pixel_scale_arcsec
    return float(image.info.get("pixel_scale_arcsec") or np.nan)
