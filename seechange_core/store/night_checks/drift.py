"""How a night compares with the nights before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seechange_core.imaging.robust import scatter
from seechange_core.store.night_checks.quantities import Quantity

#: With fewer earlier nights nothing is called unusual.
_FEWEST_NIGHTS = 4
_UNUSUAL_SIGMA = 3.5


@dataclass(frozen=True)
class Drift:
    """One quantity in one filter, tonight and before.

    Parameters
    ----------
    quantity : Quantity
        Which.
    filter : str
        The same quantity of another filter is compared on its own.
    tonight : float
        Median of the sections.
    before : tuple of (str, float)
        Name and median of each earlier night, oldest first.
    usual, scatter : float or None
        Median of the earlier nights and their robust scatter, no less than what is always normal; None without any.
    z : float or None
        Tonight minus usual in units of the scatter; None where the earlier nights are too few to tell.
    """

    quantity: Quantity
    filter: str
    tonight: float
    before: tuple[tuple[str, float], ...]
    usual: float | None
    scatter: float | None
    z: float | None

    @classmethod
    def of(
        cls, quantity: Quantity, band: str, tonight: Sequence[float], before: Sequence[tuple[str, float]]
    ) -> Drift:
        """Compare the values of tonight's sections with the medians of earlier nights."""
        middle = float(np.median(tonight))
        medians = np.array([value for _, value in before])
        if not medians.size:
            return cls(quantity, band, middle, (), None, None, None)
        usual = float(np.median(medians))
        width = max(scatter(medians), quantity.floor(usual))
        z = (middle - usual) / width if len(medians) >= _FEWEST_NIGHTS and width > 0 else None
        return cls(quantity, band, middle, tuple(before), usual, width, z)

    @property
    def unusual(self) -> bool:
        """Whether it is far from the usual, to whatever side."""
        return self.z is not None and abs(self.z) >= _UNUSUAL_SIGMA

    @property
    def worse(self) -> bool:
        """Whether it is far from the usual to the side that is wrong."""
        return self.unusual and is_worse(self.quantity, self.z or 0.0)


def is_worse(quantity: Quantity, deviation: float) -> bool:
    """Tell whether a deviation from the usual is to the side that is wrong."""
    return quantity.worse == "both" or (deviation > 0) == (quantity.worse == "above")
