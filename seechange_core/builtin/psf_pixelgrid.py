"""A PSF fitted to the image's own stars."""

from __future__ import annotations

from typing import Any, ClassVar

from seechange_core.api import Params, PsfEstimator, Rejected, parameter
from seechange_core.frames import Frame, PsfModel, SourceTable


class PixelGridParams(Params):
    """How stars are chosen and fitted."""

    min_snr: float = parameter(20.0, description="Least S/N of a star", ge=5)
    max_stars: int = parameter(
        300, description="Number of stars that is enough; the brightest are taken", ge=1
    )
    min_stars: int = parameter(1, description="Fewest stars; with fewer the section is rejected", ge=1)
    max_contamination: float = parameter(
        0.01, description="Most light of neighbours at a star's peak, relative to its own", gt=0, le=1
    )
    max_ellipticity: float = parameter(
        0.1, description="Most ellipticity (1 - b/a) beyond that of most stars", gt=0, le=1
    )
    half_size_fwhm: float = parameter(
        3.0,
        description="Half the side of the part fitted pixel by pixel; wings lie around it",
        unit="FWHM",
        ge=2,
        le=5,
    )
    min_stars_linear: int = parameter(8, description="Fewest stars for a PSF that varies linearly", ge=3)
    min_stars_quadratic: int = parameter(
        12, description="Fewest stars for a PSF that varies quadratically", ge=6
    )
    min_stars_cubic: int = parameter(150, description="Fewest stars for a PSF that varies cubically", ge=10)


class PixelGridPsf(PsfEstimator):
    """Every pixel of the PSF is a polynomial of position: smooth modes and free pixels, fitted to stars."""

    name: ClassVar[str] = "pixelgrid"
    version: ClassVar[str] = "1.5"
    Params: ClassVar[type[Params]] = PixelGridParams

    def measure(
        self, image: Frame, sources: SourceTable, supplied: PsfModel | None
    ) -> tuple[PsfModel, dict[str, Any]]:
        """Measure the PSF; what was supplied is not looked at.

        Raises
        ------
        Rejected
            If too few stars are fit for it.
        """
        from seechange_core.imaging.psf.measurement import measure_psf

        params = self.params
        try:
            return measure_psf(
                image,
                sources,
                min_snr=params.min_snr,
                max_stars=params.max_stars,
                min_stars=params.min_stars,
                max_contamination=params.max_contamination,
                max_ellipticity=params.max_ellipticity,
                half_size_fwhm=params.half_size_fwhm,
                fewest_for_degree=(
                    params.min_stars_linear,
                    params.min_stars_quadratic,
                    params.min_stars_cubic,
                ),
            )
        except ValueError as error:
            raise Rejected(f"no PSF could be fitted: {error}") from error
