"""Extraction: sky, PSF and sources of an image."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import model_validator

from seechange_core.api import Params, Rejected, parameter
from seechange_core.frames import Frame, SourceTable
from seechange_core.params import Slot
from seechange_core.steps.gates import GatedParams
from seechange_core.steps.step import Request, Step, StepContext, StepResult, SuppliedPsfRequest

_ARCSEC_PER_DEG = 3600.0


class ExtractionParams(GatedParams):
    """What counts as a source, how it is measured, and when an image is beyond use."""

    quantities: ClassVar[Mapping[str, str]] = {
        "seeing_arcsec": "bad_seeing",
        "fwhm_pixel": "bad_seeing",
        "background_electron": "bright_sky",
        "sky_electron_per_s": "bright_sky",
        "limiting_flux_electron": "bright_sky",
        "n_sources": "other",
        "n_stars": "other",
        "stars_per_deg2": "other",
        "ellipticity": "trailed",
        "psf_chi2": "other",
        "psf_residual": "other",
    }

    threshold: float = parameter(
        5.0,
        description="Least significance of a source's brightest pixel after filtering",
        unit="sigma",
        ge=1.5,
        le=100,
    )
    min_pixels: int = parameter(
        1, description="Fewest pixels above the threshold", unit="pixel", ge=1, le=1000
    )
    deblend_sigma: float = parameter(
        4.5,
        description="Least rise of a source's peak above the valley towards a brighter one",
        unit="sigma",
        ge=1,
        le=100,
    )
    deblend_contrast: float = parameter(
        0.1, description="The same as a part of the peak's own height", ge=0, lt=1
    )
    kernel_fwhm_pixel: float = parameter(
        3.5, description="Width of the filter that sources are found with", unit="pixel", ge=1, le=20
    )
    aperture_radii_fwhm: tuple[float, ...] = parameter(
        (0.75, 1.0, 1.5, 2.5),
        description="Radii of the apertures, smallest first",
        unit="FWHM",
        min_length=1,
    )
    min_usable_fraction: float = parameter(
        0.05, description="Least part of the pixels that must be usable", ge=0, le=1
    )
    min_sources: int = parameter(1, description="Fewest sources", ge=1)
    min_fwhm_pixel: float = parameter(1.0, description="Least FWHM of the PSF", unit="pixel", gt=0)
    max_fwhm_pixel: float = parameter(20.0, description="Largest FWHM of the PSF", unit="pixel", gt=0)
    max_seeing_arcsec: float = parameter(
        10.0, description="Largest FWHM of the PSF where the pixel scale is known", unit="arcsec", gt=0
    )

    @model_validator(mode="after")
    def _ordered(self) -> ExtractionParams:
        radii = self.aperture_radii_fwhm
        if min(radii) <= 0 or list(radii) != sorted(set(radii)) or radii[-1] > 5.0:
            raise ValueError(f"aperture_radii_fwhm must ascend between 0 and 5, they are {radii}")
        if self.max_fwhm_pixel <= self.min_fwhm_pixel:
            raise ValueError("max_fwhm_pixel must be above min_fwhm_pixel")
        return self


class Extraction(Step):
    """Measure the sky, find sources, measure the PSF, and measure the sources with it."""

    process: ClassVar[str] = "extraction"
    version: ClassVar[str] = "1.1"
    Params: ClassVar[type[Params]] = ExtractionParams
    slots: ClassVar[tuple[Slot, ...]] = (
        Slot("calibrator", name="background", stage="background"),
        Slot("calibrator", name="psf", stage="psf"),
    )
    inputs: ClassVar[tuple[str, ...]] = ("image",)
    outputs: ClassVar[tuple[str, ...]] = ("background", "sources", "psf")

    def requests(self, inputs: Mapping[str, Any], params: Any, context: StepContext) -> tuple[Request, ...]:
        """Ask for the PSF model that may have come with the image."""
        return (SuppliedPsfRequest(),)

    def run(self, inputs: Mapping[str, Any], params: Any, context: StepContext) -> StepResult:
        """Return ``background``: `BackgroundModel`, ``sources``: `SourceTable` (brightest first), ``psf``: `PsfModel`.

        Raises
        ------
        Rejected
            If hardly any pixel is usable, the image is constant, sources or stars are too few, or the seeing is out
            of range.
        """
        from seechange_core.imaging.background.smooth_background import without_sky
        from seechange_core.imaging.matched_filter import significance
        from seechange_core.imaging.sources.detection import find_sources
        from seechange_core.imaging.sources.limiting_flux import limiting_flux
        from seechange_core.imaging.sources.measurement import first_sources, measured_sources
        from seechange_core.imaging.usable_pixels import unusable_pixels, without_senseless_values

        image = without_senseless_values(inputs["image"])
        bad = unusable_pixels(image)
        usable = 1.0 - float(bad.mean())
        metrics: dict[str, Any] = {"usable_fraction": usable}
        if usable <= 0 or usable < params.min_usable_fraction:
            raise Rejected(
                f"{usable:.2%} of the pixels are usable, {params.min_usable_fraction:.2%} are needed "
                "(the others are masked or not finite)",
                metrics,
            )
        background = context.component("background").measure(image)
        metrics |= {"background_electron": background.mean_electron, "rms_electron": background.rms_electron}
        image = without_sky(image, background)
        found, segments = find_sources(
            image,
            significance(image.data, image.variance, bad, params.kernel_fwhm_pixel),
            kernel_fwhm=params.kernel_fwhm_pixel,
            threshold=params.threshold,
            min_pixels=params.min_pixels,
            deblend_sigma=params.deblend_sigma,
            deblend_contrast=params.deblend_contrast,
        )
        occupied = bad | (segments > 0)
        del segments
        metrics["n_sources"] = len(found)
        if len(found) < params.min_sources:
            raise Rejected(
                f"{len(found)} sources were found beyond {params.threshold:g} sigma, {params.min_sources} are needed",
                metrics,
            )

        first = first_sources(image, found, params.kernel_fwhm_pixel)
        psf, psf_metrics = context.component("psf").measure(image, first, inputs.get("supplied_psf"))
        metrics |= {name: value for name, value in psf_metrics.items() if name != "stars"}
        metrics |= _checked_seeing(psf.fwhm, image, params, metrics)

        sources, _ = measured_sources(image, first, psf, params.aperture_radii_fwhm)
        sources.meta["limiting_flux_electron"] = limiting_flux(image.variance, occupied, psf)
        metrics |= {
            "n_stars": len(psf_metrics["stars"]),
            "limiting_flux_electron": sources.meta["limiting_flux_electron"],
            "aperture_correction": sources.meta["aperture_correction"],
            "ellipticity": _ellipticity(first, psf_metrics["stars"]),
            **_per_unit(image, background.mean_electron, int(sources["is_star"].sum()), usable),
        }
        return StepResult({"background": background, "sources": sources, "psf": psf}, metrics)


def _checked_seeing(
    fwhm: float, image: Frame, params: ExtractionParams, metrics: dict[str, Any]
) -> dict[str, Any]:
    measured: dict[str, Any] = {"fwhm_pixel": fwhm}
    scale = float(image.info.get("pixel_scale_arcsec") or math.nan)
    if scale > 0:
        measured["seeing_arcsec"] = fwhm * scale
    if not params.min_fwhm_pixel <= fwhm <= params.max_fwhm_pixel:
        raise Rejected(
            f"the FWHM is {fwhm:.2f} pixels, outside of {params.min_fwhm_pixel:g} to {params.max_fwhm_pixel:g}",
            metrics | measured,
        )
    if scale > 0 and fwhm * scale > params.max_seeing_arcsec:
        raise Rejected(
            f"the seeing is {fwhm * scale:.2f} arcsec, the limit {params.max_seeing_arcsec:g}",
            metrics | measured,
        )
    return measured


def _per_unit(image: Frame, sky_electron: float, n_stars: int, usable: float) -> dict[str, float]:
    """Return the sky per second and the stars per square degree, as far as exposure time and scale are known."""
    found: dict[str, float] = {}
    exposure_s = float(image.info.get("exposure_s") or 0.0)
    if exposure_s > 0:
        found["sky_electron_per_s"] = sky_electron / exposure_s
    scale_deg = float(image.info.get("pixel_scale_arcsec") or 0.0) / _ARCSEC_PER_DEG
    if scale_deg > 0:
        found["stars_per_deg2"] = n_stars / (usable * image.data.size * scale_deg**2)
    return found


def _ellipticity(sources: SourceTable, rows: Sequence[int]) -> float | None:
    """Median of 1 - b / a of the stars; None without stars."""
    # A PSF estimator may give an array, which has no truth value.
    if len(rows) == 0:
        return None
    return float(np.median(1.0 - sources["b"][rows] / sources["a"][rows]))
