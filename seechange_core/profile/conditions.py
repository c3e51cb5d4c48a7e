"""Conditions on what earlier steps measured: a name, a comparison, a number, and nothing else."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_FORM = re.compile(r"\s*([a-z]\w*)\s*(>=|<=|>|<)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*")


@dataclass(frozen=True)
class Condition:
    """A comparison such as ``stars_per_deg2 > 1e5``.

    Parameters
    ----------
    quantity : str
        Name of a metric.
    comparison : str
        ``>``, ``>=``, ``<`` or ``<=``.
    limit : float
    """

    quantity: str
    comparison: str
    limit: float

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Read a condition.

        Raises
        ------
        ValueError
            If the text is anything but a name, a comparison and a number.
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError(
                f"{text!r} is no condition; write a name, one of > >= < <=, and a number: stars_per_deg2 > 1e5"
            )
        return cls(match[1], match[2], float(match[3]))

    def holds(self, metrics: Mapping[str, Any]) -> bool:
        """Tell whether it holds; of a quantity that was not measured it does not."""
        value = metrics.get(self.quantity)
        return value is not None and _COMPARISONS[self.comparison](float(value), self.limit)

    def __str__(self) -> str:
        """Return the condition in its one way of writing."""
        return f"{self.quantity} {self.comparison} {self.limit:.15g}"
