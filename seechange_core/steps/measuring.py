"""Measuring: flux, position and shape of every candidate, calibrated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seechange_core.api import Params
from seechange_core.frames import (
    DecisionTable,
    DetectionTable,
    Difference,
    Floats,
    MeasurementTable,
    PhotometricSolution,
    SkyMapping,
)
from seechange_core.frames.photometry import NJY_ZERO_POINT
from seechange_core.steps.cuts import CutParams
from seechange_core.steps.step import Step, StepContext, StepResult

_MAGNITUDES_PER_RELATIVE_ERROR = 2.5 / math.log(10.0)
_FLUXES = (
    *(name for name, (_, unit, _) in MeasurementTable.COLUMNS.items() if unit == "nJy"),
    "aperture_fluxes",
    "aperture_flux_errors",
)
#: A magnitude is given from this significance on, and the limiting magnitude is that of the other one.
_MEASURED_SIGMA, _LIMIT_SIGMA = 3.0, 5.0


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
        "psf",
        "aligned_reference",
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
        from seechange_core.imaging.candidates.measurement import APERTURE_RADII_FWHM, measure_candidates

        difference, detections = inputs["difference"], inputs["detections"]
        columns = measure_candidates(difference, detections["x"], detections["y"])
        columns |= _on_both_images(columns, inputs)
        columns["score"] = detections["score"]
        columns["unusable_fraction"] = detections["unusable_fraction"]
        columns["translient"] = _translient(difference, detections)
        columns["stamp"] = np.arange(detections.n_rows)
        columns |= _on_sky(columns, inputs["mapping"])
        meta = _calibrate(columns, inputs["photometry"])
        meta["aperture_radii"] = [radius * difference.psf.fwhm for radius in APERTURE_RADII_FWHM]
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


def _on_both_images(columns: Mapping[str, NDArray[Any]], inputs: Mapping[str, Any]) -> dict[str, Floats]:
    """Light of new image and reference at the positions: in an aperture, and by their PSFs where these are known."""
    from seechange_core.imaging.candidates.forced_flux import forced_flux
    from seechange_core.imaging.candidates.measurement import light_in_stamps

    stamps, difference, x, y = inputs["stamps"], inputs["difference"], columns["x"], columns["y"]
    measured: dict[str, Floats] = {}
    measured["new_flux"], measured["reference_flux"] = light_in_stamps(stamps, x, y, difference.psf.fwhm)
    for name, light, frame, psf in (
        ("new", stamps.new, inputs["image"], inputs["psf"]),
        ("reference", stamps.ref, inputs["aligned_reference"], difference.ref_psf),
    ):
        flux = error = np.full(len(x), np.nan)
        if psf is not None:
            flux, error = forced_flux(light, stamps.corner_x, stamps.corner_y, frame, psf, x, y)
        measured |= {f"{name}_psf_flux": flux, f"{name}_psf_flux_error": error}
    return measured


def _translient(difference: Difference, detections: DetectionTable) -> Floats:
    from seechange_core.imaging.candidates.measurement import highest_around

    if difference.translient is None:
        return np.full(detections.n_rows, np.nan)
    return highest_around(difference.translient, detections["x"], detections["y"])


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
    for name in ("magnitude", "magnitude_error", "limiting_magnitude"):
        columns[name] = np.full(len(columns["flux"]), np.nan)
    if photometry is None or photometry.flux_unit == "electron":
        return {"calibrated": False, "flux_unit": "electron"}
    factor = photometry.flux_per_electron_at(columns["x"], columns["y"])
    for name in _FLUXES:
        columns[name] = (columns[name].T * factor).T
    meta = {
        "calibrated": photometry.calibrated,
        "flux_unit": photometry.flux_unit,
        "zero_point": photometry.zero_point,
    }
    if not photometry.calibrated:
        return {**meta, "relative_to": photometry.relative_to}
    columns |= _magnitudes(np.abs(columns["flux"]), columns["flux_error"])
    return meta


def _magnitudes(flux: Floats, error: Floats) -> dict[str, Floats]:
    """Magnitudes with their errors, and the limit at the place, from fluxes in nJy."""
    with np.errstate(divide="ignore", invalid="ignore"):
        measured = np.where(flux >= _MEASURED_SIGMA * error, flux, np.nan)
        return {
            "magnitude": NJY_ZERO_POINT - 2.5 * np.log10(measured),
            "magnitude_error": _MAGNITUDES_PER_RELATIVE_ERROR * error / measured,
            "limiting_magnitude": NJY_ZERO_POINT - 2.5 * np.log10(_LIMIT_SIGMA * error),
        }
