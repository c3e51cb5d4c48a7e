"""Train the network of rbscore: ``python plugins/rbscore/train/train.py`` writes the weights into the package.

Needs seechange-zogy. Seeds from 1000 on train, those from 2000 on are held out. The same seeds and
versions give the same weights.
"""

from __future__ import annotations

import argparse
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scenes import labelled_candidates
from scipy.optimize import minimize

from seechange_core.frames import Floats
from seechange_rbscore.features import FEATURES, features
from seechange_rbscore.network import Network

WEIGHTS = Path(__file__).parents[1] / "src" / "seechange_rbscore" / "weights.json"
HIDDEN = 20
PENALTY = 1e-3


def collect(seeds: range) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """Return features, labels and S/N of the candidates of many scenes."""
    tables = []
    for seed in seeds:
        table = labelled_candidates(seed)[1]
        print(f"scene {seed}: {table['real'].sum()} real, {(~table['real']).sum()} bogus", flush=True)
        tables.append(table)
    table_columns = [
        np.concatenate([getter(table) for table in tables])
        for getter in (features, lambda t: t["real"], lambda t: np.abs(t["snr"]).astype(float))
    ]
    return table_columns[0], table_columns[1], table_columns[2]


def fit(inputs: Floats, real: NDArray[np.bool_]) -> Network:
    """Minimise the balanced cross-entropy, with a penalty on large weights."""
    mean, scale = inputs.mean(axis=0), inputs.std(axis=0) + 1e-6
    scaled = (inputs - mean) / scale
    weight = np.where(real, 0.5 / real.sum(), 0.5 / (~real).sum())
    n_features = inputs.shape[1]
    shapes = [(n_features, HIDDEN), (HIDDEN,), (HIDDEN,), ()]
    splits = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]

    def unpack(vector: Floats) -> list[Floats]:
        return [part.reshape(shape) for part, shape in zip(np.split(vector, splits), shapes, strict=True)]

    def loss(vector: Floats) -> tuple[float, Floats]:
        w1, b1, w2, b2 = unpack(vector)
        hidden = np.tanh(scaled @ w1 + b1)
        log_odds = hidden @ w2 + b2
        signed = np.where(real, log_odds, -log_odds)
        value = float(
            weight @ np.logaddexp(0.0, -signed) + PENALTY * (np.sum(w1**2) + np.sum(w2**2)) / HIDDEN
        )
        slope = weight * np.where(real, -1.0, 1.0) / (1.0 + np.exp(signed.clip(-500.0, 500.0)))
        back = slope[:, None] * w2 * (1.0 - hidden**2)
        gradient = [
            scaled.T @ back + 2 * PENALTY * w1 / HIDDEN,
            back.sum(axis=0),
            hidden.T @ slope + 2 * PENALTY * w2 / HIDDEN,
            slope.sum(),
        ]
        return value, np.concatenate([np.ravel(part) for part in gradient])

    start = np.random.default_rng(0).normal(0.0, 0.3, int(splits[-1]) + 1)
    result = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 800})
    return Network(mean, scale, *(np.round(part, 6) for part in unpack(result.x)))


def area_under_curve(score: Floats, real: NDArray[np.bool_]) -> float:
    """Return the probability that a real candidate scores above a bogus one; ties count half."""
    bogus = np.sort(score[~real])
    below = np.searchsorted(bogus, score[real], "left") + np.searchsorted(bogus, score[real], "right")
    return float(below.mean() / (2 * len(bogus)))


def figures(score: Floats, real: NDArray[np.bool_], snr: Floats) -> dict[str, object]:
    """Return what the README states."""
    edges = np.linspace(0.0, 1.0, 6)
    weight = np.where(real, 0.5 / real.sum(), 0.5 / (~real).sum())
    bins = [(score >= low) & (score <= high) for low, high in pairwise(edges)]
    return {
        "real": int(real.sum()),
        "bogus": int((~real).sum()),
        "area_under_curve": round(area_under_curve(score, real), 5),
        "bogus_kept_at_0.5": round(float((score[~real] >= 0.5).mean()), 4),
        "real_missed_at_0.5": round(float((score[real] < 0.5).mean()), 4),
        "real_missed_at_0.5_above_snr_7": round(float((score[real & (snr > 7)] < 0.5).mean()), 4),
        "reliability": [
            [
                round(float(np.average(score[k], weights=weight[k])), 3),
                round(float(np.average(real[k], weights=weight[k])), 3),
            ]
            for k in bins
            if k.any()
        ],
    }


def main() -> None:
    """Train, judge on scenes never trained on, write the weights."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenes", type=int, default=80, help="scenes to train on")
    parser.add_argument("--held-out", type=int, default=20, help="scenes to judge by")
    parser.add_argument("--output", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    inputs, real, snr = collect(range(1000, 1000 + options.scenes))
    network = fit(inputs, real)
    print("trained on", json.dumps(figures(network.probability(inputs), real, snr)))
    held_inputs, held_real, held_snr = collect(range(2000, 2000 + options.held_out))
    print("held out", json.dumps(figures(network.probability(held_inputs), held_real, held_snr)))
    single = {
        name: round(max(area_under_curve(s * column, held_real) for s in (1, -1)), 3)
        for name, column in zip(FEATURES, held_inputs.T, strict=True)
    }
    print("area under the curve of each feature alone", json.dumps(single))
    options.output.write_text(network.to_json())


if __name__ == "__main__":
    main()
