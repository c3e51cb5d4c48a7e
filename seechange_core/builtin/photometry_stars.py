"""The zero point from the stars of a catalogue."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from seechange_core.api import FilterTransformation, InputError, Params, PhotometrySolver, Rejected, parameter
from seechange_core.frames import Floats, Frame, PhotometricSolution, SkyMapping, SourceTable, StarTable


class StarsPhotometryParams(Params):
    """Which stars are used, and what is trusted."""

    min_stars: int = parameter(
        10, description="Fewest stars that must match; below 5 their median is taken", ge=1
    )
    min_snr: float = parameter(10.0, description="Least S/N of the sources that are used", ge=3)
    match_radius_arcsec: float = parameter(
        1.0, description="How close a source and a star count as the same", unit="arcsec", gt=0, le=10
    )
    flux: Literal["psf", "aperture"] = parameter(
        "psf", description="Fluxes that are compared with the catalogue"
    )
    colour_min: float = parameter(
        0.3, description="Bluest star (BP - RP), where colours are known", unit="mag"
    )
    colour_max: float = parameter(
        2.5, description="Reddest star (BP - RP), where colours are known", unit="mag"
    )
    fit_colour_term: bool = parameter(False, description="Fit a colour term, given 30 stars or more")
    colour_term: float = parameter(
        0.0, description="Colour term (BP - RP) where none is fitted", unit="mag/mag", ge=-2, le=2
    )
    pivot_colour: float = parameter(
        0.8,
        description="BP - RP that the zero point refers to if there is a colour term",
        unit="mag",
        ge=-1,
        le=5,
    )
    clip_sigma: float = parameter(
        3.0, description="Stars that deviate more are left out", unit="sigma", ge=2, le=10
    )
    max_scatter_mag: float = parameter(
        0.3, description="Largest scatter of the stars that are kept", unit="mag", gt=0, le=5
    )


_STARS_FOR_COLOUR_TERM = 30


class StarsPhotometry(PhotometrySolver):
    """A clipped weighted mean that starts from the mode."""

    name: ClassVar[str] = "zeropoint"
    version: ClassVar[str] = "1.1"
    Params: ClassVar[type[Params]] = StarsPhotometryParams

    def solve(
        self,
        image: Frame,
        sources: SourceTable,
        mapping: SkyMapping,
        stars: StarTable | None,
        transformation: FilterTransformation | None,
    ) -> tuple[PhotometricSolution, dict[str, Any]]:
        """Return the zero point and metrics; see `imaging.zero_point.fit_zero_point`.

        Raises
        ------
        InputError
            If the catalogue has no magnitudes for the image's filter.
        Rejected
            If too few stars match or they scatter too much.
        """
        from seechange_core.imaging.pairing import mutual_pairs
        from seechange_core.imaging.star_astrometry import good_sources
        from seechange_core.imaging.zero_point import fit_zero_point

        params = self.params
        if stars is None:
            raise Rejected("the zero point needs catalogue stars: there are none")
        usable = good_sources(sources, params.min_snr)
        magnitudes = _magnitudes(stars, str(image.info.get("filter", "")), transformation)
        radius = params.match_radius_arcsec / mapping.pixel_scale_arcsec
        x, y = mapping.sky_to_pixel(stars["ra"], stars["dec"])
        two, one = mutual_pairs(x, y, usable["x"], usable["y"], radius)
        instrumental, error = self._instrumental(usable)
        difference = magnitudes.magnitude[two] - instrumental[one]
        colour = magnitudes.colour[two]
        outside = (colour < params.colour_min) | (colour > params.colour_max)
        good = np.isfinite(difference) & ~outside
        metrics: dict[str, Any] = {"n_matched": len(one), "n_usable": int(good.sum())}
        if good.sum() < params.min_stars:
            raise Rejected(
                f"{int(good.sum())} of {len(one)} matched stars can be used for the zero point;"
                f" at least {params.min_stars} are needed",
                metrics,
            )
        fit = fit_zero_point(
            difference[good],
            np.hypot(error[one], magnitudes.error[two])[good],
            colour[good],
            pivot_colour=params.pivot_colour,
            colour_term=params.colour_term,
            fit_colour_term=params.fit_colour_term and good.sum() >= _STARS_FOR_COLOUR_TERM,
            clip_sigma=params.clip_sigma,
        )
        n_stars = int(fit.kept.sum())
        metrics |= {
            "zero_point": fit.zero_point,
            "zero_point_error": fit.error,
            "scatter_mag": fit.scatter,
            "colour_term": fit.colour_term,
            "n_stars": n_stars,
        }
        if fit.scatter > params.max_scatter_mag:
            raise Rejected(
                f"stars scatter by {fit.scatter:.3f} mag about the zero point, more than {params.max_scatter_mag:g}",
                metrics,
            )
        solution = PhotometricSolution(
            fit.zero_point,
            fit.error,
            fit.scatter,
            n_stars,
            str(image.info.get("filter", "")),
            fit.colour_term,
            str(stars.meta.get("catalog", "")),
        )
        return solution, metrics

    def _instrumental(self, sources: SourceTable) -> tuple[Floats, Floats]:
        """Return instrumental magnitudes and errors; NaN where the flux is not positive."""
        if self.params.flux == "psf":
            flux, error, correction = sources["flux"], sources["flux_error"], np.zeros(1)
        else:
            flux, error = sources["aperture_flux"][:, -1], sources["aperture_flux_error"][:, -1]
            correction = sources["aperture_correction"]
        with np.errstate(divide="ignore", invalid="ignore"):
            magnitude = np.where(flux > 0, -2.5 * np.log10(flux), np.nan) + correction
            return magnitude, 2.5 / np.log(10.0) * np.abs(error / flux)


def _magnitudes(stars: StarTable, filter_name: str, transformation: FilterTransformation | None) -> Any:
    from seechange_core.imaging.catalog_magnitudes import filter_magnitudes

    if transformation is None:
        found = filter_magnitudes(stars, filter_name)
    else:
        colours = (transformation.colour_min, transformation.colour_max)
        found = filter_magnitudes(
            stars, filter_name, transformation.base, colours, transformation.coefficients
        )
    if found is None:
        bands = ", ".join(
            name[4:] for name in stars if name.startswith("mag_") and not name.endswith("_error")
        )
        raise InputError(
            f"filter {filter_name!r}: the star catalogue has no AB magnitudes in it (it has {bands or 'none'}), and "
            "the instrument has no transformation to this filter; choose a catalogue with it (photocal.catalog.use)"
        )
    return found
