"""How real a candidate looks."""

from __future__ import annotations

import abc
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seechange_core.api.component import Component
from seechange_core.errors import PluginError
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

    def record(self) -> dict[str, Any]:
        """Return how well it is known to score, in JSON values; by default nothing is known.

        ``threshold`` is the recommended one. ``trained_on`` tells by source of labels how many it has seen (``n_real``,
        ``n_bogus``); ``test`` of how many others it was judged, and what part of them the threshold gets wrong
        (``bogus_kept``, ``real_missed``).
        """
        return {}

    def train(
        self,
        stamps: Stamps,
        measurements: MeasurementTable,
        real: NDArray[np.bool_],
        places: NDArray[np.int64],
        output: Path,
    ) -> dict[str, Any]:
        """Learn from labels of a survey's own, and write a model that the scorer's parameters can name.

        Parameters
        ----------
        stamps, measurements, real, places
            Row i of each belongs to one candidate. Those with the same number in ``places`` show the same source: who
            learns from one of them must not be judged by another.
        output : Path
            File to write.

        Returns
        -------
        dict
            How well the new model scores; see `record`.

        Raises
        ------
        PluginError
            By default: not every scorer can learn.
        InputError
            If the labels are too few, or something that learning needs is not installed.
        """
        raise PluginError(f"scorer {self.name} {self.version} cannot be trained")
