"""The zero point relative to one exposure, where no catalogue is known."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from seechange_core.api import FilterTransformation, Params, PhotometrySolver, Rejected, parameter
from seechange_core.frames import Frame, PhotometricSolution, SkyMapping, SourceTable, StarTable


class RelativePhotometryParams(Params):
    """What all is relative to, which stars are used, and what is trusted."""

    frame: str = parameter(
        description="Name of the file of the exposure whose zero point is nominal; that of astrocal as a rule",
        min_length=1,
    )
    min_stars: int = parameter(
        10, description="Fewest stars that must match; below 8 their median is taken", ge=1
    )
    min_snr: float = parameter(10.0, description="Least S/N of the sources that are used", ge=3)
    match_radius_arcsec: float = parameter(
        1.0, description="How close sources of both count as the same star", unit="arcsec", gt=0, le=10
    )
    max_neighbours_light: float = parameter(
        0.001,
        description="Most light of neighbours in a star's flux, relative to its own; where fewer than 100 stars keep"
        " to it, the least disturbed are taken",
        gt=0,
        le=1,
    )
    max_scatter_mag: float = parameter(
        0.3, description="Largest scatter of the stars that are kept", unit="mag", gt=0, le=5
    )


class RelativePhotometry(PhotometrySolver):
    """Compares PSF fluxes of stars with those in one exposure, whose zero point is taken to be 25.

    A tail of variables and blends does not pull the result; see `imaging.zero_point.fit_zero_point`.
    """

    name: ClassVar[str] = "relative"
    version: ClassVar[str] = "1.0"
    Params: ClassVar[type[Params]] = RelativePhotometryParams
    needs_catalog: ClassVar[bool] = False

    @property
    def frame(self) -> str:
        """Name of the exposure's file."""
        return str(self.params.frame)

    def solve(
        self,
        image: Frame,
        sources: SourceTable,
        mapping: SkyMapping,
        stars: StarTable | None,
        transformation: FilterTransformation | None,
    ) -> tuple[PhotometricSolution, dict[str, Any]]:
        """Return a solution that is not calibrated but relative, and metrics.

        Raises
        ------
        Rejected
            If too few stars match or they scatter too much.
        """
        from seechange_core.imaging.photometry.photometric_stars import matched_stars, standing_alone
        from seechange_core.imaging.photometry.zero_point import fit_zero_point

        params = self.params
        if stars is None:
            raise Rejected(f"there are no sources of {params.frame} to compare with")
        matched = matched_stars(
            sources, mapping, stars, min_snr=params.min_snr, radius_arcsec=params.match_radius_arcsec
        )
        flux, flux_error = matched.sources["flux"], matched.sources["flux_error"]
        usable = flux > 0
        good = standing_alone(matched, usable, params.max_neighbours_light, params.min_stars)
        metrics: dict[str, Any] = {
            "relative_to": params.frame,
            "n_matched": matched.sources.n_rows,
            "n_alone": int(good.sum()),
        }
        if good.sum() < params.min_stars:
            raise Rejected(
                f"{int(good.sum())} stars of {params.frame} can be used for the zero point; at least"
                f" {params.min_stars} are needed",
                metrics,
            )
        error = 2.5 / np.log(10.0) * flux_error[good] / flux[good]
        fit = fit_zero_point(
            matched.stars["mag_relative"][good] + 2.5 * np.log10(flux[good]),
            np.hypot(error, matched.stars["mag_relative_error"][good]),
            np.zeros(int(good.sum())),
        )
        n_stars = int(fit.kept.sum())
        # Of the exposure itself, compared with itself, the zero point is nominal and has no error.
        zero_point_error = fit.error if fit.scatter > 0 else 0.0
        metrics |= {
            "zero_point": fit.zero_point,
            "zero_point_error": zero_point_error,
            "scatter_mag": fit.scatter,
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
            str(image.info.get("filter", "")),
            calibrated=False,
            relative_to=params.frame,
            shape=image.shape,
        )
        return solution, metrics
