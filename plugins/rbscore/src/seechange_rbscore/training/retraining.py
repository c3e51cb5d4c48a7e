"""Further training of a network on a survey's own labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seechange_core.errors import InputError
from seechange_core.frames import MeasurementTable, Stamps
from seechange_rbscore.figures import balanced_threshold, summary
from seechange_rbscore.held_out import held_out_places
from seechange_rbscore.network import Network
from seechange_rbscore.training.fitting import LabelledSet, calibrate, fit, log_odds
from seechange_rbscore.training.onnx_file import from_onnx, to_onnx

#: Fewer of a class teach nothing.
LEAST_OF_A_CLASS = 40
_SEED = 1
_RATE = 1e-3
#: Each candidate is seen so often, but no more than so many in all.
_EPOCHS, _MOST_SEEN = 40.0, 200_000.0


def retrained(
    weights: bytes,
    stamps: Stamps,
    measurements: MeasurementTable,
    real: NDArray[np.bool_],
    places: NDArray[np.int64],
) -> tuple[bytes, dict[str, Any]]:
    """Go on training a network; the same labels give the same weights.

    A quarter of each class is held out: it calibrates the score, gives the threshold, and judges. All candidates of a
    place are held out or none: of a source that the network has seen it would recognize other images.

    Parameters
    ----------
    weights : bytes
        A file as `onnx_file` writes it.
    stamps, measurements, real, places
        Row i of each belongs to one candidate; see `Scorer.train`.

    Returns
    -------
    weights : bytes
        Of the new network.
    record : dict
        See `Scorer.record`.

    Raises
    ------
    InputError
        If there are fewer than `LEAST_OF_A_CLASS` of a class, or they are of too few places.
    """
    n_real, n_bogus = int(real.sum()), int((~real).sum())
    if min(n_real, n_bogus) < LEAST_OF_A_CLASS:
        raise InputError(
            f"{n_real} real and {n_bogus} bogus candidates are labelled; training needs at least "
            f"{LEAST_OF_A_CLASS} of each"
        )
    data = LabelledSet.of(stamps, measurements, real)
    held_out = held_out_places(real, places, _SEED)
    network = from_onnx(weights)
    learned = data.rows(~held_out)
    fit(network, learned, epochs=min(_EPOCHS, _MOST_SEEN / len(learned.real)), rate=_RATE, seed=_SEED)
    judged = data.rows(held_out)
    calibrate(network, judged)
    score = 1.0 / (1.0 + np.exp(-log_odds(network, judged)))
    threshold = round(balanced_threshold(score, judged.real, np.ones(len(score), bool)), 3)
    result = to_onnx(network, threshold)
    final = Network(result).probability(judged.planes.astype(np.float32), judged.features)
    return result, {
        "threshold": threshold,
        "trained_on": {
            "labels": {
                "n_real": n_real,
                "n_bogus": n_bogus,
                "n_places": len(np.unique(places)),
                "held_out": int(held_out.sum()),
            }
        },
        "test": summary(final, judged.real, judged.snr, threshold),
    }
