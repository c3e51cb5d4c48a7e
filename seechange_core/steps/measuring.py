"""Measuring: flux, position and shape of every candidate, calibrated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seechange_core.api import Params
from seechange_core.frames import DecisionTable, Floats, MeasurementTable, PhotometricSolution, SkyMapping
from seechange_core.frames.photometry import NJY_ZERO_POINT
from seechange_core.steps.cuts import CutParams
from seechange_core.steps.step import Step, StepContext, StepResult

_MAGNITUDES_PER_RELATIVE_ERROR = 2.5 / math.log(10.0)
_FLUXES = ("flux", "flux_error", "aperture_flux", "aperture_flux_error", "new_flux", "reference_flux")


class MeasuringParams(CutParams):
    """What candidates are held against."""


class Measuring(Step):
    """Measure every detection on the difference image.

    Fluxes are in the ``flux_unit`` of the photometric solution: nJy, relative to one exposure, or the electrons of an
    image that could not be calibrated; only nJy have magnitudes. Without a mapping there are no sky positions.
    """

    process: ClassVar[str] = "measuring"
    version: ClassVar[str] = "1.4"
    Params: ClassVar[type[Params]] = MeasuringParams
    inputs: ClassVar[tuple[str, ...]] = (
        "image",
        "difference",
        "detections",
        "stamps",
        "mapping",
        "photometry",
    )
    outputs: ClassVar[tuple[str, ...]] = ("measurements", "decisions")

    def run(self, inputs: Mapping[str, Any], params: Any, context: StepContext) -> StepResult:
        """Return ``measurements`` and ``decisions``, both in the order of the detections.

        `DecisionTable` has all of them, `MeasurementTable` those that no cut deletes.
        """
        from seechange_core.imaging.candidates.measurement import light_in_stamps, measure_candidates

        difference, detections = inputs["difference"], inputs["detections"]
        columns = measure_candidates(difference, detections["x"], detections["y"])
        columns["new_flux"], columns["reference_flux"] = light_in_stamps(
            inputs["stamps"], columns["x"], columns["y"], difference.psf.fwhm
        )
        columns["score"] = detections["score"]
        columns["unusable_fraction"] = detections["unusable_fraction"]
        columns["stamp"] = np.arange(detections.n_rows)
        columns |= _on_sky(columns, inputs["mapping"])
        meta = _calibrate(columns, inputs["photometry"])
        meta["sky_frame"] = "icrs" if inputs["mapping"] is None else inputs["mapping"].sky_frame
        info = inputs["image"].info
        meta |= {name: info[name] for name in ("mjd", "filter", "exposure_s") if name in info}
        decisions = DecisionTable.of(columns, params.tests())
        columns["psf_like"] = decisions["flagged"] == 0
        measurements = MeasurementTable(columns, meta).rows(decisions["row"] >= 0)
        metrics = {
            "n_measurements": measurements.n_rows,
            "n_psf_like": int(np.count_nonzero(measurements["psf_like"])),
            "n_deleted": detections.n_rows - measurements.n_rows,
        }
        return StepResult({"measurements": measurements, "decisions": decisions}, metrics)


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
