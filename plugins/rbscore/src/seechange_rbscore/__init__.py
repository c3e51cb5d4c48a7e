"""A classifier of real and bogus detections for SeeChange."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seechange_core.api import Params, Scorer, hookimpl, parameter
from seechange_core.errors import InputError
from seechange_core.frames import Floats, MeasurementTable, Stamps

if TYPE_CHECKING:
    from seechange_rbscore.network import Network


class RealBogusParams(Params):
    """Which network is asked."""

    model: Path | None = parameter(
        None,
        description="Network of one's own, as 'seechange score train' writes it; by default that of the package",
        critical=False,  # Its hash is in the provenance, wherever it lies.
    )


class RealBogus(Scorer):
    """A convolutional network on the stamps and the measurements of a candidate.

    The score is the probability that a candidate is real, were real and bogus ones equally frequent.
    """

    name: ClassVar[str] = "rbscore"
    version: ClassVar[str] = "2.0"
    Params: ClassVar[type[Params]] = RealBogusParams

    def fingerprint(self) -> str:
        """Return the SHA-256 of the weights."""
        return hashlib.sha256(self._weights).hexdigest()

    def score(self, stamps: Stamps, measurements: MeasurementTable) -> tuple[Floats, list[dict[str, Any]]]:
        """Return the probability that each candidate is real.

        Measurements that are missing or not a number are done without. A candidate without a usable pixel in the
        middle of its difference scores 0; its details say so. Details hold the recommended threshold.
        """
        from seechange_rbscore.features import network_features
        from seechange_rbscore.planes import network_planes, seen

        planes, sign = network_planes(stamps)
        scores = self._network.probability(planes, network_features(measurements, sign))
        visible = seen(stamps)
        threshold = {"threshold": self._network.threshold}
        details = [threshold if known else {**threshold, "seen": False} for known in visible]
        return np.where(visible, scores, 0.0), details

    def record(self) -> dict[str, Any]:
        """Return what is known of the network: training, split, threshold, and figures on what it was not fitted to."""
        if self.params.model is None:
            text = resources.files(__name__).joinpath("model.json").read_text("utf-8")
        else:
            beside = Path(self.params.model).with_suffix(".json")
            if not beside.exists():
                return {}
            text = beside.read_text("utf-8")
        record: dict[str, Any] = json.loads(text)
        return record

    def train(
        self,
        stamps: Stamps,
        measurements: MeasurementTable,
        real: NDArray[np.bool_],
        places: NDArray[np.int64],
        output: Path,
    ) -> dict[str, Any]:
        """Go on training this network, and write the new one, with its record beside it as JSON."""
        try:
            from seechange_rbscore.training.retraining import retrained
        except ModuleNotFoundError as error:
            raise InputError(
                f"training rbscore needs {error.name}, which is not installed: pip install 'seechange-rbscore[train]'"
            ) from error
        weights, record = retrained(self._weights, stamps, measurements, real, places)
        try:
            output.write_bytes(weights)
            output.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError(f"{output} cannot be written: {error.strerror}") from error
        return record

    @cached_property
    def _weights(self) -> bytes:
        if self.params.model is None:
            return resources.files(__name__).joinpath("model.onnx").read_bytes()
        try:
            return Path(self.params.model).read_bytes()
        except OSError as error:
            raise InputError(
                f"rbscore.model: {self.params.model} cannot be read: {error.strerror}; "
                "'seechange score train' writes such a file"
            ) from error

    @cached_property
    def _network(self) -> Network:
        from seechange_rbscore.network import Network

        try:
            return Network(self._weights)
        except ValueError as error:
            raise InputError(
                f"rbscore.model: {self.params.model} is no network of rbscore: {error}"
            ) from error


@hookimpl
def register_scorers() -> list[type[Scorer]]:
    """Offer `RealBogus`."""
    return [RealBogus]
