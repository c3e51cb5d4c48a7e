"""Rows of calibration files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seechange_core.frames import Calibration
from seechange_core.models import Base, CalibratorFile
from seechange_core.store.rows.saving import Saving


@dataclass(frozen=True)
class Validity:
    """When a calibration file may be used.

    Parameters
    ----------
    from_mjd, to_mjd : float or None
        From, inclusive, to, exclusive. None for no limit.
    """

    from_mjd: float | None = None
    to_mjd: float | None = None


def calibration_rows(saving: Saving) -> list[Sequence[Base]]:
    """Return the row of a calibration file."""
    frame: Calibration = saving.outputs["calibration"]
    validity: Validity = saving.outputs["validity"]
    observation = saving.record.observation
    row = CalibratorFile(
        id=saving.id,
        kind=frame.kind,
        instrument=observation.instrument,
        section=observation.section or "",
        filter=observation.filter or None,
        valid_from_mjd=validity.from_mjd,
        valid_to_mjd=validity.to_mjd,
        mjd=observation.mjd,
        **saving.files["calibration"].columns(),
    )
    return [[row]]
