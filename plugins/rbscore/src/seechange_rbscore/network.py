"""A network with one hidden layer, in numpy."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import numpy as np

from seechange_core.frames import Floats


@dataclass(frozen=True)
class Network:
    """Logistic regression on a layer of hyperbolic tangents.

    Parameters
    ----------
    mean, scale : array of shape (n_features,)
        Features are centred and divided by these.
    hidden_weights, hidden_offsets : array of shape (n_features, n_hidden) and (n_hidden,)
        Of the hidden layer.
    output_weights : array of shape (n_hidden,)
        Of the log odds.
    output_offset : array of shape ()
        Of the log odds.
    """

    mean: Floats
    scale: Floats
    hidden_weights: Floats
    hidden_offsets: Floats
    output_weights: Floats
    output_offset: Floats

    def probability(self, features: Floats) -> Floats:
        """Return the probability of being real for features of shape (n, n_features)."""
        hidden = np.tanh((features - self.mean) / self.scale @ self.hidden_weights + self.hidden_offsets)
        log_odds = hidden @ self.output_weights + self.output_offset
        probability: Floats = 0.5 * (1.0 + np.tanh(0.5 * log_odds))
        return probability

    def to_json(self) -> str:
        """Return all weights as one JSON object."""
        return json.dumps({name: np.asarray(value).tolist() for name, value in asdict(self).items()}) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Network:
        """Return the network that `to_json` wrote."""
        return cls(**{name: np.array(value, np.float64) for name, value in json.loads(text).items()})
