"""Fitting, calibrating, writing and retraining a network; only where PyTorch is installed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from seechange_core.errors import InputError
from seechange_core.frames import MeasurementTable, Stamps
from seechange_rbscore import RealBogus, RealBogusParams
from seechange_rbscore.features import N_FEATURES
from seechange_rbscore.network import Network
from seechange_rbscore.planes import N_PLANES, SIZE

_N = 240


def labelled() -> tuple[Stamps, MeasurementTable, np.ndarray, np.ndarray]:
    """Point sources and single hot pixels."""
    rng = np.random.default_rng(2)
    real = np.arange(_N) % 2 == 0
    offset = np.arange(41) - 20.0
    source = np.exp(-(offset**2 + offset[:, None] ** 2) / 4.5)
    pixel = (np.hypot(offset, offset[:, None]) == 0).astype(float)
    ref = rng.normal(0.0, 1.0, (_N, 41, 41))
    light = np.where(real[:, None, None], source, pixel) * rng.uniform(8.0, 60.0, (_N, 1, 1))
    new = rng.normal(0.0, 1.0, (_N, 41, 41)) + light
    middle, corner = np.full(_N, 20.0), np.zeros(_N, np.int32)
    planes = [plane.astype(np.float32) for plane in (new, ref, new - ref)]
    stamps = Stamps(middle, middle, corner, corner, *planes, np.zeros(new.shape, np.uint16))
    columns = {name: np.full(_N, np.nan) for name in MeasurementTable.COLUMNS}
    columns |= {name: np.zeros(_N) for name in ("stamp", "n_bad", "n_negative", "mask", "psf_like")}
    return stamps, MeasurementTable(columns), real, np.arange(_N)


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in sys.modules if name.startswith("seechange_rbscore.training")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(
        InputError, match=r"training rbscore needs torch.*pip install 'seechange-rbscore\[train\]'"
    ):
        RealBogus().train(*labelled(), tmp_path / "own.onnx")


def test_a_network_survives_its_file() -> None:
    torch = pytest.importorskip("torch", reason="training needs PyTorch")
    pytest.importorskip("onnx", reason="training needs onnx")
    from seechange_rbscore.training.architecture import RealBogusNetwork
    from seechange_rbscore.training.onnx_file import from_onnx, to_onnx

    network = RealBogusNetwork.seeded(3)
    weights = to_onnx(network, 0.4)
    assert to_onnx(from_onnx(weights), 0.4) == weights
    rng = np.random.default_rng(1)
    planes = rng.normal(size=(7, N_PLANES, SIZE, SIZE)).astype(np.float32)
    features = rng.normal(size=(7, N_FEATURES)).astype(np.float32)
    with torch.no_grad():
        expected = torch.sigmoid(network(torch.from_numpy(planes), torch.from_numpy(features))).numpy()
    np.testing.assert_allclose(Network(weights).probability(planes, features), expected, atol=1e-5)
    assert Network(weights).threshold == 0.4


def test_a_network_fits_and_is_calibrated() -> None:
    pytest.importorskip("torch", reason="training needs PyTorch")
    from seechange_rbscore.training.architecture import RealBogusNetwork
    from seechange_rbscore.training.fitting import LabelledSet, calibrate, fit, log_odds

    data = LabelledSet.of(*labelled()[:3])
    reports: list[str] = []
    network = RealBogusNetwork.seeded(3)
    fit(network, data, epochs=16, rate=3e-3, seed=1, report=reports.append)
    odds = log_odds(network, data)
    assert ((odds > 0) == data.real).mean() > 0.95
    assert reports[-1].startswith("step ")
    again = RealBogusNetwork.seeded(3)
    fit(again, data, epochs=16, rate=3e-3, seed=1)
    np.testing.assert_array_equal(log_odds(again, data), odds)
    # With labels that are wrong for a quarter, no score is sure of itself any more.
    wrong = np.random.default_rng(4).random(_N) < 0.25
    doubtful = LabelledSet(data.planes, data.features, data.real ^ wrong, data.snr, data.weight)
    calibrate(network, doubtful)
    assert np.median(np.abs(log_odds(network, doubtful))) == pytest.approx(np.log(3.0), abs=0.4)


def test_retraining_writes_a_network_that_the_scorer_takes(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training needs PyTorch")
    pytest.importorskip("onnx", reason="training needs onnx")
    stamps, measurements, real, places = labelled()
    own = tmp_path / "own.onnx"
    # The labels say the opposite of what the package's network thinks.
    record = RealBogus().train(stamps, measurements, ~real, places, own)
    scorer = RealBogus(RealBogusParams(model=own))
    assert scorer.fingerprint() != RealBogus().fingerprint()
    assert scorer.record() == record == json.loads(own.with_suffix(".json").read_text())
    scores, details = scorer.score(stamps, measurements)
    assert details[0] == {"threshold": record["threshold"]}
    assert scores[~real].mean() > scores[real].mean() + 0.3
    assert record["trained_on"]["labels"]["held_out"] == _N // 4
    assert record["test"]["area_under_curve"] > 0.9


def test_too_few_labels_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training needs PyTorch")
    pytest.importorskip("onnx", reason="training needs onnx")
    stamps, measurements, real, places = labelled()
    few = np.arange(60)
    with pytest.raises(
        InputError, match="30 real and 30 bogus candidates are labelled; training needs at least 40"
    ):
        RealBogus().train(
            stamps.rows(few), measurements.rows(few), real[few], places[few], tmp_path / "own.onnx"
        )
