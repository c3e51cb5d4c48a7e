"""Astrometry that came with the image."""

from __future__ import annotations

from typing import Any, ClassVar

from seechange_core.api import AstrometrySolver, Params, Rejected, parameter
from seechange_core.frames import Frame, SkyMapping, SourceTable, StarTable


class HeaderAstrometryParams(Params):
    """How the header's mapping is checked."""

    min_stars: int = parameter(
        5, description="With fewer matches the mapping is trusted unchecked, and the metrics say so", ge=1
    )
    min_snr: float = parameter(8.0, description="Least S/N of the sources that are used", ge=3)
    match_radius_arcsec: float = parameter(
        3.0, description="How close a source and a star count as the same", unit="arcsec", gt=0, le=60
    )
    max_offset_arcsec: float = parameter(
        1.0,
        description="Largest median offset, and largest scatter, of the matches",
        unit="arcsec",
        gt=0,
        le=60,
    )


class HeaderAstrometry(AstrometrySolver):
    """Trusts the WCS of a calibrated product, and checks it where stars allow."""

    name: ClassVar[str] = "header"
    version: ClassVar[str] = "1.0"
    Params: ClassVar[type[Params]] = HeaderAstrometryParams

    def solve(
        self, image: Frame, sources: SourceTable, first: SkyMapping | None, stars: StarTable | None
    ) -> tuple[SkyMapping, dict[str, Any]]:
        """Return the header's mapping, unchanged, and metrics: ``checked``, ``n_matched``, ``offset_arcsec``."""
        from seechange_core.imaging.astrometry.mapping_check import offsets_of_stars

        if first is None:
            raise Rejected("the header has no WCS to trust")
        params = self.params
        metrics: dict[str, Any] = {"checked": False, "n_matched": 0}
        if stars is None:
            return first, metrics
        found = offsets_of_stars(sources, stars, first, params.match_radius_arcsec, params.min_snr)
        metrics["n_matched"] = found.n_matched
        if found.n_matched < params.min_stars:
            return first, metrics
        metrics |= {
            "checked": True,
            "offset_arcsec": found.offset_arcsec,
            "scatter_arcsec": found.scatter_arcsec,
        }
        if max(found.offset_arcsec, found.scatter_arcsec) > params.max_offset_arcsec:
            raise Rejected(
                f"{found.n_matched} stars are off the header's WCS by {found.offset_arcsec:.2f} arcsec and scatter"
                f" by {found.scatter_arcsec:.2f}; the limit for both is {params.max_offset_arcsec:g}",
                metrics,
            )
        return first, metrics
