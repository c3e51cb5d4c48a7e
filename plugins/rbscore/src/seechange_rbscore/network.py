"""The trained network, as onnxruntime runs it."""

from __future__ import annotations

import numpy as np
import onnxruntime

from seechange_core.frames import Floats, Pixels

#: Candidates at a time: enough for the processor's vector units, few enough for its cache.
BATCH = 50


class Network:
    """A convolutional network in the ONNX format, run on one thread.

    Parameters
    ----------
    weights : bytes
        A file as `training.onnx_file` writes it.

    Raises
    ------
    ValueError
        If it is not one.

    Attributes
    ----------
    threshold : float
        Recommended: what scores less is taken for bogus.
    """

    def __init__(self, weights: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors have no common class of their own.
            raise ValueError(str(error)) from error
        properties = self._session.get_modelmeta().custom_metadata_map
        if "threshold" not in properties:
            raise ValueError("it has no recommended threshold")
        self.threshold = float(properties["threshold"])

    def probability(self, planes: Pixels, features: Pixels) -> Floats:
        """Return the probability that each candidate is real, were real and bogus ones equally frequent.

        Parameters
        ----------
        planes : array of shape (n, N_PLANES, SIZE, SIZE), float32
            As `planes.network_planes` returns them.
        features : array of shape (n, N_FEATURES), float32
            As `features.network_features` returns them.
        """
        result = np.empty(len(planes))
        for first in range(0, len(planes), BATCH):
            part = slice(first, first + BATCH)
            inputs = {"planes": planes[part], "features": features[part]}
            (result[part],) = self._session.run(["score"], inputs)
        return result
