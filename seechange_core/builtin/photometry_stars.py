"""The zero point from the stars of a catalogue."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from seechange_core.api import FilterTransformation, InputError, Params, PhotometrySolver, Rejected, parameter
from seechange_core.frames import Floats, Frame, PhotometricSolution, SkyMapping, SourceTable, StarTable
from seechange_core.frames.photometry import variation_terms

if TYPE_CHECKING:
    from seechange_core.imaging.photometry.photometric_stars import MatchedStars


class StarsPhotometryParams(Params):
    """Which stars are used, and what is trusted."""

    min_stars: int = parameter(
        10, description="Fewest stars that must match; below 8 their median is taken", ge=1
    )
    min_snr: float = parameter(10.0, description="Least S/N of the sources that are used", ge=3)
    match_radius_arcsec: float = parameter(
        1.0, description="How close a source and a star count as the same", unit="arcsec", gt=0, le=10
    )
    flux: Literal["psf", "aperture"] = parameter(
        "psf", description="Fluxes that are compared with the catalogue"
    )
    max_neighbours_light: float = parameter(
        0.001,
        description="Most light of neighbours in a star's flux, relative to its own; where fewer than 100 stars keep"
        " to it, the least disturbed are taken",
        gt=0,
        le=1,
    )
    colour: str = parameter(
        "BP-RP",
        description="Two bands of the catalogue whose difference is the colour, such as g-i",
        pattern=r"^\w+-\w+$",
    )
    colour_min: float = parameter(
        0.3, description="Bluest star, where colours are known", unit="mag", ge=-5, le=20
    )
    colour_max: float = parameter(
        2.5, description="Reddest star, where colours are known", unit="mag", ge=-5, le=20
    )
    fit_colour_term: bool = parameter(False, description="Fit a colour term, given 30 stars or more")
    colour_terms: dict[str, float] = parameter(
        {}, description="Colour term of each filter that has one; used where none is fitted", unit="mag/mag"
    )
    pivot_colour: float = parameter(
        0.8,
        description="Colour that the zero point refers to if there is a colour term",
        unit="mag",
        ge=-1,
        le=5,
    )
    spatial_degree: int = parameter(
        2,
        description="Highest degree in which the zero point may vary over the image, given 20 stars a coefficient"
        " and if the stars ask for it; 0 for none",
        ge=0,
        le=2,
    )
    max_scatter_mag: float = parameter(
        0.3, description="Largest scatter of the stars that are kept", unit="mag", gt=0, le=5
    )


_STARS_FOR_COLOUR_TERM = 30
#: Hidden light that deviates by more than this from the other stars is seen as a blend, and counts no further.
_STANDS_OUT_SIGMA = 2.0
_SEEN_SNR = 5.0
_MAG_PER_PART = 2.5 / math.log(10.0)
_VARIANCE_STEP = 8
#: Number of terms of the variation up to a degree.
_TERMS = (0, 2, 5)


class StarsPhotometry(PhotometrySolver):
    """The core of a mixture of good stars, blends and variables."""

    name: ClassVar[str] = "zeropoint"
    version: ClassVar[str] = "1.2"
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

        The quoted error includes what the light of neighbours too close to be seen adds to the fluxes of all stars
        (``shared_error_mag``).

        Raises
        ------
        InputError
            If the catalogue has no magnitudes for the image's filter, or no colours for its colour term.
        Rejected
            If too few stars match or they scatter too much.
        """
        from seechange_core.imaging.photometry.photometric_stars import matched_stars, standing_alone
        from seechange_core.imaging.photometry.zero_point import fit_zero_point

        params = self.params
        if stars is None:
            raise Rejected("the zero point needs catalogue stars: there are none")
        filter_name = str(image.info.get("filter", ""))
        matched = matched_stars(
            sources, mapping, stars, min_snr=params.min_snr, radius_arcsec=params.match_radius_arcsec
        )
        magnitudes = _magnitudes(matched.stars, filter_name, transformation)
        colour = self._colours(matched.stars, filter_name)
        instrumental, error = self._instrumental(matched.sources)
        difference = magnitudes.magnitude - instrumental
        outside = (colour < params.colour_min) | (colour > params.colour_max)
        usable = np.isfinite(difference) & ~outside
        good = standing_alone(matched, usable, params.max_neighbours_light, params.min_stars)
        metrics: dict[str, Any] = {
            "n_matched": matched.sources.n_rows,
            "n_usable": int(usable.sum()),
            "n_alone": int(good.sum()),
        }
        if usable.sum() < params.min_stars:
            raise Rejected(
                f"{int(usable.sum())} of {matched.sources.n_rows} matched stars can be used for the zero point;"
                f" at least {params.min_stars} are needed",
                metrics,
            )
        fitted = params.fit_colour_term and good.sum() >= _STARS_FOR_COLOUR_TERM
        place = variation_terms(matched.sources["x"], matched.sources["y"], image.shape)
        fit = fit_zero_point(
            difference[good],
            np.hypot(error, magnitudes.error)[good],
            np.where(np.isfinite(colour), colour - params.pivot_colour, 0.0)[good],
            colour_term=None if fitted else params.colour_terms.get(filter_name, 0.0),
            variation_terms=place[good, : _TERMS[params.spatial_degree]],
        )
        n_stars = int(fit.kept.sum())
        shared = self._shared_error(
            image, sources, matched, matched.sources["flux"][good][fit.kept], fit.scatter
        )
        zero_point_error = math.hypot(fit.error, shared)
        metrics |= {
            "zero_point": fit.zero_point,
            "zero_point_error": zero_point_error,
            "shared_error_mag": shared,
            "scatter_mag": fit.scatter,
            "colour_term": fit.colour_term,
            "variation_mag": list(fit.variation),
            "n_stars": n_stars,
        }
        if fit.scatter > params.max_scatter_mag:
            raise Rejected(
                f"stars scatter by {fit.scatter:.3f} mag about the zero point, more than {params.max_scatter_mag:g}",
                metrics,
            )
        solution = PhotometricSolution(
            fit.zero_point,
            zero_point_error,
            fit.scatter,
            n_stars,
            filter_name,
            fit.colour_term,
            str(stars.meta.get("catalog", "")),
            variation=fit.variation,
            shape=image.shape,
        )
        return solution, metrics

    def _shared_error(
        self, image: Frame, sources: SourceTable, matched: MatchedStars, fluxes: Floats, scatter_mag: float
    ) -> float:
        """Return by how much the light of hidden neighbours makes all stars too bright (mag)."""
        from seechange_core.imaging.photometry.hidden_light import hidden_light

        seen = sources.rows(sources["snr"] >= _SEEN_SNR)
        sky_variance = float(np.median(image.variance[::_VARIANCE_STEP, ::_VARIANCE_STEP]))
        light = hidden_light(
            fluxes, seen["x"], seen["y"], seen["flux"], matched.fwhm, image.shape, sky_variance
        )
        return float(np.mean(np.minimum(_MAG_PER_PART * light, _STANDS_OUT_SIGMA * scatter_mag)))

    def _colours(self, stars: StarTable, filter_name: str) -> Floats:
        """Return the stars' colours, NaN where unknown."""
        bands = self.params.colour.split("-")
        if all(f"mag_{band}" in stars for band in bands):
            return np.asarray(stars[f"mag_{bands[0]}"] - stars[f"mag_{bands[1]}"], np.float64)
        if self.params.fit_colour_term or self.params.colour_terms.get(filter_name):
            raise InputError(
                f"filter {filter_name!r} has a colour term in {self.params.colour}, and the star catalogue has"
                f" magnitudes in {_bands(stars)} only; name a colour of these (photocal.zeropoint.colour)"
            )
        return np.full(stars.n_rows, np.nan)

    def _instrumental(self, sources: SourceTable) -> tuple[Floats, Floats]:
        """Return instrumental magnitudes and errors; NaN where the flux is not positive."""
        if self.params.flux == "psf":
            flux, error, correction = sources["flux"], sources["flux_error"], np.zeros(1)
        else:
            flux, error = sources["aperture_flux"][:, -1], sources["aperture_flux_error"][:, -1]
            correction = sources["aperture_correction"]
        with np.errstate(divide="ignore", invalid="ignore"):
            magnitude = np.where(flux > 0, -2.5 * np.log10(flux), np.nan) + correction
            return magnitude, _MAG_PER_PART * np.abs(error / flux)


def _magnitudes(stars: StarTable, filter_name: str, transformation: FilterTransformation | None) -> Any:
    from seechange_core.imaging.photometry.catalog_magnitudes import filter_magnitudes

    if transformation is None:
        found = filter_magnitudes(stars, filter_name)
    else:
        colours = (transformation.colour_min, transformation.colour_max)
        found = filter_magnitudes(
            stars, filter_name, transformation.base, colours, transformation.coefficients
        )
    if found is None:
        raise InputError(
            f"filter {filter_name!r}: the star catalogue has no AB magnitudes in it (it has {_bands(stars)}), and "
            "the instrument has no transformation to this filter; choose a catalogue with it (photocal.catalog.use)"
        )
    return found


def _bands(stars: StarTable) -> str:
    names = [name[4:] for name in stars if name.startswith("mag_") and not name.endswith("_error")]
    return ", ".join(names) or "none"
