"""Nights: from noon to noon of local mean time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta

from seechange_core.errors import InputError

_MJD_ZERO = date(1858, 11, 17)
_NOON = 0.5


@dataclass(frozen=True)
class Night:
    """One night at one longitude.

    Parameters
    ----------
    number : int
        MJD of the local day on whose evening it begins.
    longitude_deg : float
        East; 0 where the site is not known.
    """

    number: int
    longitude_deg: float

    @classmethod
    def at(cls, mjd: float, longitude_deg: float) -> Night:
        """Return the night of a time (MJD, UTC)."""
        return cls(math.floor(mjd + longitude_deg / 360.0 - _NOON), longitude_deg)

    @classmethod
    def named(cls, text: str, longitude_deg: float) -> Night:
        """Return the night that begins on the evening of a date such as ``2026-03-04``.

        Raises
        ------
        InputError
            If the text is no date.
        """
        try:
            evening = date.fromisoformat(text)
        except ValueError as error:
            raise InputError(
                f"{text!r} is no date; give the night as that of its evening, like 2026-03-04"
            ) from error
        return cls((evening - _MJD_ZERO).days, longitude_deg)

    @property
    def name(self) -> str:
        """Date of its evening: ``2026-03-04``."""
        return (_MJD_ZERO + timedelta(days=self.number)).isoformat()

    @property
    def first_mjd(self) -> float:
        """When it begins, inclusive."""
        return self.number + _NOON - self.longitude_deg / 360.0

    @property
    def last_mjd(self) -> float:
        """When it ends, exclusive."""
        return self.first_mjd + 1.0
