"""Astrometry against the stars of a catalogue."""

from __future__ import annotations

from typing import Any, ClassVar

from seechange_core.api import AstrometrySolver, Params, Rejected, parameter
from seechange_core.frames import Frame, SkyMapping, SourceTable, StarTable


class StarsAstrometryParams(Params):
    """What is searched for, and what is trusted."""

    max_offset_arcsec: float = parameter(
        180.0, description="How far the header's pointing may be off", unit="arcsec", gt=0, le=1800
    )
    min_stars: int = parameter(8, description="Fewest stars that must match", ge=4)
    min_snr: float = parameter(8.0, description="Least S/N of the sources that are used", ge=3)
    max_degree: int = parameter(
        3, description="Highest degree of the distortion that is fitted; fewer stars lower it", ge=1, le=5
    )
    max_rms_mas: float = parameter(
        300.0, description="Largest residual along one axis", unit="mas", gt=0, le=5000
    )
    max_log10_chance: float = parameter(
        -4.0, description="Largest probability, as a power of 10, that the match is chance", le=-2, ge=-100
    )


class StarsAstrometry(AstrometrySolver):
    """Votes for offset, rotation, scale and parity, then a polynomial correction of the first mapping, as TAN-SIP."""

    name: ClassVar[str] = "stars"
    version: ClassVar[str] = "1.2"
    Params: ClassVar[type[Params]] = StarsAstrometryParams

    def solve(
        self, image: Frame, sources: SourceTable, first: SkyMapping | None, stars: StarTable | None
    ) -> tuple[SkyMapping, dict[str, Any]]:
        """Return the fitted mapping and metrics; see `imaging.star_astrometry.fit_to_stars`.

        Metrics are ``n_sources``, ``n_catalog``, ``n_matched`` and ``n_stars`` (those that were not clipped),
        ``rms_mas`` (residual along one axis), ``error_mas`` (of the mapping, rms over the image), ``excess_mas``
        (scatter beyond the known errors), ``degree``, how far the header was off (``offset_arcsec``, ``rotation_deg``,
        ``scale``, ``mirrored``), the test against chance (``log10_chance``, from ``n_tested`` pairs where
        ``n_by_chance`` were expected), ``residuals`` (their means over cells of the image) and ``matched_stars``
        (the pairs).

        Raises
        ------
        Rejected
            If no solution can be trusted.
        """
        from seechange_core.imaging.astrometry.astrometric_fit import residual_map
        from seechange_core.imaging.astrometry.star_astrometry import fit_to_stars, matched_stars

        if first is None or stars is None:
            missing = "first mapping" if first is None else "catalogue stars"
            raise Rejected(f"astrometry needs {missing}: there are none")
        params = self.params
        fit, match = fit_to_stars(
            sources,
            stars,
            first,
            image.shape,
            max_offset_arcsec=params.max_offset_arcsec,
            min_stars=params.min_stars,
            min_snr=params.min_snr,
            max_degree=params.max_degree,
            max_log10_chance=params.max_log10_chance,
        )
        metrics = {
            "n_sources": sources.n_rows,
            "n_catalog": stars.n_rows,
            "n_matched": len(fit.kept),
            "n_stars": fit.mapping.n_stars,
            "rms_mas": fit.mapping.rms_mas,
            "error_mas": fit.mapping.error_mas,
            "excess_mas": fit.excess_mas,
            "degree": fit.degree,
            "offset_arcsec": match.offset_arcsec,
            "rotation_deg": match.rotation_deg,
            "scale": match.scale,
            "mirrored": match.mirrored,
            "log10_chance": match.log10_chance,
            "n_tested": match.n_tested,
            "n_by_chance": match.n_by_chance,
            "residuals": residual_map(fit, image.shape),
        }
        if fit.mapping.rms_mas > params.max_rms_mas:
            raise Rejected(
                f"stars scatter by {fit.mapping.rms_mas:.0f} mas about the solution, more than {params.max_rms_mas:g}",
                metrics,
            )
        return fit.mapping, metrics | {"matched_stars": matched_stars(fit, match, stars)}
