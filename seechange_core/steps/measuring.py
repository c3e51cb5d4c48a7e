"""Measuring: flux, position and shape of every candidate, calibrated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seechange_core.api import Params, parameter
from seechange_core.frames import Floats, MeasurementTable, PhotometricSolution, SkyMapping
from seechange_core.frames.photometry import NJY_ZERO_POINT
from seechange_core.steps.step import Step, StepContext, StepResult

_MAGNITUDES_PER_RELATIVE_ERROR = 2.5 / math.log(10.0)
_FLUXES = ("flux", "flux_error", "aperture_flux", "aperture_flux_error", "new_flux", "reference_flux")


class MeasuringParams(Params):
    """Limits beyond which a candidate is flagged as not like the PSF, and further ones beyond which it is dropped."""

    max_chi2: float = parameter(
        2.0, description="Reduced chi-square that is always good enough; above it the misfit decides", gt=0
    )
    max_misfit: float = parameter(
        0.4, description="Largest residuals beyond the noise, relative to the signal", gt=0
    )
    min_width_ratio: float = parameter(
        0.6, description="Least width relative to the PSF's: cosmic rays are narrow", ge=0
    )
    max_width_ratio: float = parameter(1.3, description="Largest width relative to the PSF's", gt=0)
    max_elongation: float = parameter(3.0, description="Largest ratio of the major to the minor axis", ge=1)
    max_dipole_fraction: float = parameter(
        0.6,
        description="Largest flux of a source of the opposite sign beside it, relative to its own",
        gt=0,
        le=1,
    )
    max_bad_fraction: float = parameter(
        0.3, description="Largest part of the pixels within 2 FWHM that is unusable", ge=0, le=1
    )
    drop_chi2: float = parameter(
        3.0,
        description="Reduced chi-square above which a candidate is dropped, where both other limits say so too",
        gt=0,
    )
    drop_misfit: float = parameter(
        1.0,
        description="Misfit above which a candidate is dropped: it has less light of a point source than residuals",
        gt=0,
    )
    drop_contrast: float = parameter(
        0.5,
        description="Only what has less flux than this part of the light under it, in the reference, is dropped: "
        "it is what a bright source left, not a source that is new",
        ge=0,
    )


class Measuring(Step):
    """Measure every detection on the difference image.

    Fluxes are in the ``flux_unit`` of the photometric solution: nJy, relative to one exposure, or the electrons of an
    image that could not be calibrated; only nJy have magnitudes. Without a mapping there are no sky positions.
    """

    process: ClassVar[str] = "measuring"
    version: ClassVar[str] = "1.3"
    Params: ClassVar[type[Params]] = MeasuringParams
    inputs: ClassVar[tuple[str, ...]] = (
        "image",
        "difference",
        "detections",
        "stamps",
        "mapping",
        "photometry",
    )
    outputs: ClassVar[tuple[str, ...]] = ("measurements",)

    def run(self, inputs: Mapping[str, Any], params: Any, context: StepContext) -> StepResult:
        """Return ``measurements``: `MeasurementTable` in the order of the detections, without what was dropped.

        ``n_dropped`` of the metrics says how many these were.
        """
        from seechange_core.imaging.candidates.measurement import light_in_stamps, measure_candidates

        difference, detections = inputs["difference"], inputs["detections"]
        fwhm = difference.psf.fwhm
        columns = measure_candidates(difference, detections["x"], detections["y"])
        columns["new_flux"], columns["reference_flux"] = light_in_stamps(
            inputs["stamps"], columns["x"], columns["y"], fwhm
        )
        columns["score"] = detections["score"]
        columns["stamp"] = np.arange(detections.n_rows)
        kept = ~left_over(columns, params)
        columns = {name: values[kept] for name, values in columns.items()}
        columns["psf_like"] = like_psf(columns, params, fwhm)
        columns |= _on_sky(columns, inputs["mapping"])
        meta = _calibrate(columns, inputs["photometry"])
        meta["sky_frame"] = "icrs" if inputs["mapping"] is None else inputs["mapping"].sky_frame
        info = inputs["image"].info
        meta |= {name: info[name] for name in ("mjd", "filter", "exposure_s") if name in info}
        measurements = MeasurementTable(columns, meta)
        metrics = {
            "n_measurements": measurements.n_rows,
            "n_psf_like": int(columns["psf_like"].sum()),
            "n_dropped": int(np.count_nonzero(~kept)),
        }
        return StepResult({"measurements": measurements}, metrics)


def like_psf(columns: Mapping[str, NDArray[Any]], params: MeasuringParams, fwhm: float) -> NDArray[np.bool_]:
    """Return which candidates keep within all limits; those that could not be measured do not."""
    pixels = math.pi * (2.0 * fwhm) ** 2
    with np.errstate(invalid="ignore"):
        result: NDArray[np.bool_] = (
            ((columns["chi2"] <= params.max_chi2) | (columns["misfit"] <= params.max_misfit))
            & (columns["width_ratio"] >= params.min_width_ratio)
            & (columns["width_ratio"] <= params.max_width_ratio)
            & (columns["elongation"] <= params.max_elongation)
            & (columns["dipole_fraction"] <= params.max_dipole_fraction)
            & (columns["n_bad"] <= params.max_bad_fraction * pixels)
        )
    return result


def left_over(columns: Mapping[str, NDArray[Any]], params: MeasuringParams) -> NDArray[np.bool_]:
    """Return which candidates are what the subtraction of a bright source left, and nothing like a point source."""
    with np.errstate(invalid="ignore"):
        result: NDArray[np.bool_] = (
            (columns["chi2"] > params.drop_chi2)
            & (columns["misfit"] > params.drop_misfit)
            & (np.abs(columns["flux"]) < params.drop_contrast * columns["reference_flux"])
        )
    return result


def _on_sky(columns: Mapping[str, NDArray[Any]], mapping: SkyMapping | None) -> dict[str, Floats]:
    """Sky positions with errors: those of the fit, and where it is known that of the mapping."""
    if mapping is None:
        unknown = np.full(len(columns["x"]), np.nan)
        return {"ra": unknown, "dec": unknown, "position_error_arcsec": unknown}
    ra, dec = mapping.pixel_to_sky(columns["x"], columns["y"])
    error_pixel = np.hypot(columns["x_error"], columns["y_error"]) / math.sqrt(2.0)
    statistical = error_pixel * mapping.pixel_scale_arcsec
    systematic = mapping.rms_mas / 1000.0 if math.isfinite(mapping.rms_mas) else 0.0
    return {"ra": ra, "dec": dec, "position_error_arcsec": np.hypot(statistical, systematic)}


def _calibrate(columns: dict[str, NDArray[Any]], photometry: PhotometricSolution | None) -> dict[str, Any]:
    """Turn fluxes from electrons into the solution's unit, add magnitudes if that is nJy, and return the meta."""
    columns["magnitude"] = columns["magnitude_error"] = np.full(len(columns["flux"]), np.nan)
    if photometry is None or photometry.flux_unit == "electron":
        return {"calibrated": False, "flux_unit": "electron"}
    factor = photometry.flux_per_electron_at(columns["x"], columns["y"])
    for name in _FLUXES:
        columns[name] = columns[name] * factor
    meta = {
        "calibrated": photometry.calibrated,
        "flux_unit": photometry.flux_unit,
        "zero_point": photometry.zero_point,
    }
    if not photometry.calibrated:
        return {**meta, "relative_to": photometry.relative_to}
    with np.errstate(divide="ignore", invalid="ignore"):
        relative_error = columns["flux_error"] / np.abs(columns["flux"])
    columns["magnitude_error"] = np.where(
        np.isfinite(relative_error), _MAGNITUDES_PER_RELATIVE_ERROR * relative_error, np.nan
    )
    with np.errstate(divide="ignore"):
        magnitude = NJY_ZERO_POINT - 2.5 * np.log10(np.abs(columns["flux"]))
    columns["magnitude"] = np.where(np.isfinite(magnitude), magnitude, np.nan)
    return meta
