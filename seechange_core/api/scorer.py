"""How real a candidate looks."""

from __future__ import annotations

import abc
from typing import Any, ClassVar

from seechange_core.api.component import Component
from seechange_core.frames import Floats, MeasurementTable, Stamps


class Scorer(Component, abc.ABC):
    """Base class of scorers."""

    kind: ClassVar[str] = "scorer"

    @abc.abstractmethod
    def score(self, stamps: Stamps, measurements: MeasurementTable) -> tuple[Floats, list[dict[str, Any]]]:
        """Score candidates.

        Parameters
        ----------
        stamps, measurements
            Row i of the one belongs to row i of the other. In the chain the measurements have the columns of
            `SurroundingsTable` too.

        Returns
        -------
        array of shape (n,)
            0 (bogus) to 1 (real).
        list of dict
            Details by candidate (JSON values), possibly empty dictionaries.
        """
