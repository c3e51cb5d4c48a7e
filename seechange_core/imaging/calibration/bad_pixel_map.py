"""Defects of a detector, from flats and darks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import CalibrationFrame, Pixels
from seechange_core.imaging.calibration.calibration_frames import MadeCalibration, make_calibration
from seechange_core.imaging.calibration.exposure_stack import ExposureStack
from seechange_core.imaging.calibration.local_level import local_level, local_scatter

#: What a map says of a pixel; a pixel may be both.
ODD_RESPONSE, HOT = 1, 2
#: A pixel is odd beyond so many times the scatter of its amplifier's pixels; its response also beyond this fraction.
_RESPONSE_SIGMA, _HOT_SIGMA = 6.0, 8.0
_RESPONSE_TOLERANCE = 0.1


def bad_pixel_map(
    flats: ExposureStack, darks: ExposureStack, product_id: str, *, fewest: int = 1
) -> MadeCalibration:
    """List pixels whose response or dark current is far off that of their surroundings.

    Parameters
    ----------
    flats, darks : ExposureStack
        Corrected as for a flat and a dark; one of them may be empty.
    product_id : str
        Of the result.
    fewest : int
        So many exposures at least must be left of each that is not empty.

    Returns
    -------
    MadeCalibration
        A frame of kind ``badpixels``: 0 where nothing is wrong, 1 where the response deviates by more than a tenth and
        6 times the usual scatter, 2 where the dark current exceeds its surroundings by 8 times the usual scatter,
        3 for both.

    Raises
    ------
    ValueError
        If both are empty, too few exposures are left, or the shapes differ.
    """
    if not len(flats) and not len(darks):
        raise ValueError("a map of bad pixels needs flats or darks, and there are none")
    if len(flats) and len(darks) and flats.shape != darks.shape:
        raise ValueError(f"flats have the shape {flats.shape}, darks {darks.shape}")
    data = np.zeros(flats.shape if len(flats) else darks.shape, np.float32)
    rejected: dict[str, str] = {}
    n_combined = 0
    for kind, exposures, value in (("flat", flats, ODD_RESPONSE), ("dark", darks, HOT)):
        if len(exposures):
            made = make_calibration(kind, exposures, product_id, fewest=fewest)
            rejected |= made.rejected
            n_combined += made.metrics["n_combined"]
            data += np.where(_odd(kind, exposures, made.frame.data), np.float32(value), np.float32(0.0))
    whole = data.astype(np.uint8)
    metrics = {
        "n_combined": n_combined,
        "odd_response_fraction": float(((whole & ODD_RESPONSE) != 0).mean()),
        "hot_fraction": float(((whole & HOT) != 0).mean()),
        "bad_fraction": float((whole != 0).mean()),
    }
    return MadeCalibration(CalibrationFrame("badpixels", data, product_id), rejected, metrics)


def _odd(kind: str, exposures: ExposureStack, master: Pixels) -> NDArray[np.bool_]:
    surroundings = local_level(master, exposures.amplifiers)
    if kind == "flat":
        relative = master / np.maximum(surroundings, np.float32(1e-3))
        deviation = np.asarray(relative - np.float32(1.0), np.float32)
        usual = _RESPONSE_SIGMA * local_scatter(deviation, exposures.amplifiers)
        odd: NDArray[np.bool_] = np.abs(deviation) > np.maximum(usual, np.float32(_RESPONSE_TOLERANCE))
        return odd
    excess: Pixels = master - surroundings
    hot: NDArray[np.bool_] = excess > _HOT_SIGMA * local_scatter(excess, exposures.amplifiers)
    return hot
