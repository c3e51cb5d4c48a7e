"""What is known of a detector and enters every image that it takes: frames and tables."""

from __future__ import annotations

from dataclasses import dataclass

from seechange_core.frames.arrays import Mask, Pixels
from seechange_core.frames.table import ColumnTable


@dataclass(frozen=True)
class CalibrationFrame:
    """A bias, flat or other calibration image of one section, assembled and trimmed.

    Parameters
    ----------
    kind : str
        ``"bias"``, ``"flat"`` ...
    data : array of shape (ny, nx), float32
        ADU for additive kinds (``"dark"``: ADU per second), relative response (median 1) for multiplicative ones,
        a pattern in any unit for ``"fringe"``.
    product_id : str
        Identity of the file it came from.
    mask : array or None
        Pixels that this calibration declares bad.
    noise : float
        Standard deviation of a pixel's own noise, in the unit of `data`; 0 where unknown.
    """

    kind: str
    data: Pixels
    product_id: str
    mask: Mask | None = None
    noise: float = 0.0


@dataclass(frozen=True)
class CalibrationTable:
    """Numbers of one section that are no image: crosstalk coefficients, linearity, gains.

    Parameters
    ----------
    kind : str
        ``"crosstalk"``, ``"linearity"`` ...
    table : ColumnTable
        Columns as the correction that uses the kind describes them.
    product_id : str
        Identity of the file it came from.
    """

    kind: str
    table: ColumnTable
    product_id: str


#: What a calibration file holds.
Calibration = CalibrationFrame | CalibrationTable
