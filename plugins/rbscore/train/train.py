"""Train the network of rbscore and write weights and record into the package.

Run it with plugins/rbscore and its extra ``train`` installed, and the subtractors zogy, alardlupton and sfft:

    python plugins/rbscore/train/train.py --cache FOLDER --data FOLDER

The scenes are made first (20 minutes on one core) and kept in the cache. The same seeds and versions give the same
weights on the same kind of processor.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from alerts import decam_triplets, ztf_triplets
from cameras import TEST_CAMERAS, TRAINING_CAMERAS, VALIDATION_CAMERAS
from real_scenes import real_background_scenes
from simulated_scenes import NIGHTS, simulated_scenes
from stamp_cache import together

from seechange_core.frames import Stamps
from seechange_rbscore.features import without_measurements
from seechange_rbscore.figures import area_under_curve, balanced_threshold, summary
from seechange_rbscore.network import Network
from seechange_rbscore.training.architecture import RealBogusNetwork
from seechange_rbscore.training.fitting import LabelledSet, calibrate, fit, log_odds
from seechange_rbscore.training.onnx_file import to_onnx

PACKAGE = Path(__file__).parents[1] / "src" / "seechange_rbscore"
SEED = 5
EPOCHS = 10.0
RATE = 3e-3
#: How often a candidate of real images is drawn for one of simulated scenes.
REAL_IMAGE_WEIGHT, ALERT_WEIGHT = 2.0, 15.0


def simulated(cache: Path, cameras: range) -> LabelledSet:
    """Return the candidates of cameras."""
    parts = []
    for camera in cameras:
        scenes = [scene for scene in simulated_scenes(cache, [camera]) if scene is not None]
        parts += [LabelledSet.of(stamps, table, table["real"]) for stamps, table in scenes]
    return parts[0].joined(*parts[1:])


def real_background(data: Path, cache: Path) -> LabelledSet:
    """Return the candidates on real images."""
    stamps, table = together(real_background_scenes(data, cache))
    return LabelledSet.of(stamps, table, table["real"], REAL_IMAGE_WEIGHT)


def alerts(data: Path) -> LabelledSet:
    """Return those ZTF triplets that have a label and may be trained on."""
    triplets = ztf_triplets(data)
    chosen = triplets.labelled & triplets.trained
    stamps = triplets.stamps.rows(chosen)
    return LabelledSet.of(stamps, None, triplets.machine_score[chosen] > 0.5, ALERT_WEIGHT)


def main() -> None:
    """Train, calibrate, judge, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True, help="folder for the scenes' files")
    parser.add_argument("--data", type=Path, required=True, help="folder of real data for tests")
    parser.add_argument("--output", type=Path, default=PACKAGE, help="folder of model.onnx and model.json")
    parser.add_argument("--epochs", type=float, default=EPOCHS)
    options = parser.parse_args()

    validation = simulated(options.cache, VALIDATION_CAMERAS)
    sets = {
        "simulated": simulated(options.cache, TRAINING_CAMERAS),
        "real_background": real_background(options.data, options.cache),
        "ztf": alerts(options.data),
    }
    print({name: (int(s.real.sum()), int((~s.real).sum())) for name, s in sets.items()}, flush=True)
    training, *others = sets.values()
    network = RealBogusNetwork.seeded(SEED)
    fit(
        network,
        training.joined(*others),
        epochs=options.epochs,
        rate=RATE,
        seed=SEED,
        report=lambda line: print(line, flush=True),
    )
    calibrate(network, validation)
    odds = log_odds(network, validation)
    threshold = balanced_threshold(1.0 / (1.0 + np.exp(-odds)), validation.real, validation.snr > 7.0)
    weights = to_onnx(network, round(threshold, 3))
    (options.output / "model.onnx").write_bytes(weights)
    record = judged(Network(weights), sets, options)
    (options.output / "model.json").write_text(json.dumps(record, indent=2) + "\n")
    print(json.dumps(record, indent=2))


def judged(network: Network, sets: dict[str, LabelledSet], options: argparse.Namespace) -> dict[str, Any]:
    """Return the record of a network: what it was trained on, and what it does on what it was not."""
    threshold = network.threshold
    test = simulated(options.cache, TEST_CAMERAS)
    planes = test.planes.astype(np.float32)
    with_all = network.probability(planes, test.features)
    stamps_alone = network.probability(planes, without_measurements(test.features))
    return {
        "threshold": threshold,
        "trained_on": {
            name: {"n_real": int(part.real.sum()), "n_bogus": int((~part.real).sum())}
            for name, part in sets.items()
        },
        "split": {
            "training_cameras": [TRAINING_CAMERAS.start, TRAINING_CAMERAS.stop],
            "validation_cameras": [VALIDATION_CAMERAS.start, VALIDATION_CAMERAS.stop],
            "test_cameras": [TEST_CAMERAS.start, TEST_CAMERAS.stop],
            "nights": [NIGHTS.start, NIGHTS.stop],
            "ztf": "trained on at even whole degrees of right ascension, judged at odd ones",
        },
        "fit": {"seed": SEED, "epochs": options.epochs, "rate": RATE},
        "test": summary(with_all, test.real, test.snr, threshold),
        "test_stamps_alone": summary(stamps_alone, test.real, test.snr, threshold),
        "alerts_stamps_alone": alert_figures(network, options.data, threshold),
    }


def alert_figures(network: Network, data: Path, threshold: float) -> dict[str, float]:
    """Return what the network makes of the alerts that it was not trained on."""
    triplets = ztf_triplets(data)
    chosen = triplets.labelled & ~triplets.trained
    score = stamps_alone_score(network, triplets.stamps.rows(chosen))
    real = triplets.machine_score[chosen] > 0.5
    decam = stamps_alone_score(network, decam_triplets(data))
    return {
        "ztf_n_real": int(real.sum()),
        "ztf_n_bogus": int((~real).sum()),
        "ztf_area_under_curve": round(area_under_curve(score, real), 4),
        "decam_accepted": round(float((decam >= threshold).mean()), 4),
    }


def stamps_alone_score(network: Network, stamps: Stamps) -> np.ndarray:
    """Return the scores of stamps without measurements."""
    data = LabelledSet.of(stamps, None, np.zeros(stamps.n_candidates, bool))
    return network.probability(data.planes.astype(np.float32), data.features)


if __name__ == "__main__":
    main()
