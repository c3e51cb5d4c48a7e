"""A classifier of real and bogus detections for SeeChange."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from typing import Any, ClassVar

import numpy as np

from seechange_core.api import Scorer, hookimpl
from seechange_core.frames import Floats, MeasurementTable, Stamps
from seechange_rbscore.features import features, measured
from seechange_rbscore.network import Network

_WEIGHTS = "weights.json"


@cache
def _weights() -> bytes:
    return resources.files(__name__).joinpath(_WEIGHTS).read_bytes()


class RealBogus(Scorer):
    """A small network on the measurements of a candidate, trained on simulated scenes."""

    name: ClassVar[str] = "rbscore"
    version: ClassVar[str] = "1.0"

    def fingerprint(self) -> str:
        """Return the SHA-256 of the weights."""
        return hashlib.sha256(_weights()).hexdigest()

    def score(self, stamps: Stamps, measurements: MeasurementTable) -> tuple[Floats, list[dict[str, Any]]]:
        """Return the probability that each candidate is real, were real and bogus ones equally frequent.

        A candidate whose flux could not be measured scores 0; its details say so.
        """
        known = measured(measurements)
        network = Network.from_json(_weights().decode("ascii"))
        scores = np.where(known, network.probability(features(measurements)), 0.0)
        return scores, [{"measured": bool(value)} for value in known]


@hookimpl
def register_scorers() -> list[type[Scorer]]:
    """Offer `RealBogus`."""
    return [RealBogus]
