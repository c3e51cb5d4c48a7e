from __future__ import annotations

import hashlib
import json
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from seechange_core.errors import InputError
from seechange_core.frames import Floats, MaskPlane, MeasurementTable, Stamps
from seechange_core.imaging.stamps import cut_triplets
from seechange_rbscore import RealBogus, RealBogusParams, register_scorers
from seechange_rbscore.network import Network

_PACKAGE = resources.files("seechange_rbscore")
_OFFSET = np.arange(101) - 50.0
_PSF_SIGMA = 1.5


def candidates(n: int, light: Floats, ref_light: Floats | None = None) -> Stamps:
    """Candidates in the middle of noise, with a star beside them that does not change."""
    rng = np.random.default_rng(3)
    noise = rng.normal(0.0, 10.0, (2, 101, 101))
    star = 4000.0 * np.exp(-((_OFFSET - 12.0) ** 2 + (_OFFSET[:, None] + 9.0) ** 2) / (2.0 * _PSF_SIGMA**2))
    new, ref = noise[0] + star + light, noise[1] + star + (0.0 if ref_light is None else ref_light)
    planes = [plane.astype(np.float32) for plane in (new, ref, new - ref)]
    middle = np.full(n, 50.0)
    return cut_triplets(middle, middle, 41, *planes, np.zeros((101, 101), np.uint16))


def point_source(peak: float, x: float = 0.0) -> Floats:
    return peak * np.exp(-((_OFFSET - x) ** 2 + _OFFSET[:, None] ** 2) / (2.0 * _PSF_SIGMA**2))


def unmeasured(n: int) -> MeasurementTable:
    columns = {name: np.full(n, np.nan) for name in MeasurementTable.COLUMNS}
    columns |= {name: np.zeros(n) for name in ("stamp", "n_bad", "n_negative", "mask", "psf_like")}
    return MeasurementTable(columns)


def score(stamps: Stamps) -> NDArray[np.float64]:
    scores, details = RealBogus().score(stamps, unmeasured(stamps.n_candidates))
    assert len(details) == len(scores) == stamps.n_candidates
    return scores


def test_the_hook_offers_the_scorer() -> None:
    assert register_scorers() == [RealBogus]


def test_the_fingerprint_is_that_of_the_weights() -> None:
    weights = _PACKAGE.joinpath("model.onnx").read_bytes()
    assert RealBogus().fingerprint() == hashlib.sha256(weights).hexdigest()
    assert len(weights) < 2_000_000


def test_the_recommended_threshold_is_that_of_the_record() -> None:
    record = json.loads(_PACKAGE.joinpath("model.json").read_text())
    _, details = RealBogus().score(candidates(1, point_source(200.0)), unmeasured(1))
    assert details == [{"threshold": record["threshold"]}]
    assert 0.0 < record["threshold"] < 1.0


def test_a_network_of_ones_own_is_read_and_hashed(tmp_path: Path) -> None:
    own = tmp_path / "own.onnx"
    own.write_bytes(_PACKAGE.joinpath("model.onnx").read_bytes())
    scorer = RealBogus(RealBogusParams(model=own))
    assert scorer.fingerprint() == RealBogus().fingerprint()
    stamps = candidates(1, point_source(200.0))
    assert scorer.score(stamps, unmeasured(1))[0] == score(stamps)
    with pytest.raises(InputError, match=r"rbscore.model: .*nothing.onnx cannot be read"):
        RealBogus(RealBogusParams(model=tmp_path / "nothing.onnx")).fingerprint()


def test_point_sources_are_real_and_what_is_unlike_one_is_not() -> None:
    assert score(candidates(1, point_source(100.0)))[0] > 0.9
    ray = np.zeros((101, 101))
    for step in range(-3, 4):
        ray[50 + step // 2, 50 + step] = 400.0
    assert score(candidates(1, ray))[0] < 0.1
    # A star that moved by half a pixel; the bright side of the dipole is in the middle.
    dipole = candidates(1, point_source(3000.0, x=-0.7), point_source(3000.0, x=-1.2))
    assert score(dipole)[0] < 0.1
    hot_pixel = np.zeros((101, 101))
    hot_pixel[50, 50] = 300.0
    assert score(candidates(1, hot_pixel))[0] < 0.1


def test_no_candidates_give_no_scores() -> None:
    assert score(candidates(0, point_source(100.0))).shape == (0,)


def test_a_score_does_not_depend_on_what_else_is_scored() -> None:
    many = candidates(120, point_source(60.0))
    np.testing.assert_allclose(score(many), score(many.rows(np.arange(1)))[0], rtol=1e-5)


def test_what_has_no_usable_pixel_scores_zero() -> None:
    stamps = candidates(1, point_source(100.0))
    stamps.mask[:, 15:26, 15:26] = MaskPlane.SATURATED
    scores, details = RealBogus().score(stamps, unmeasured(1))
    assert scores.tolist() == [0.0]
    assert details[0]["seen"] is False


def test_a_file_that_is_no_network_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.onnx"
    wrong.write_text("nothing")
    with pytest.raises(InputError, match=r"rbscore.model: .*wrong.onnx is no network of rbscore"):
        RealBogus(RealBogusParams(model=wrong)).score(candidates(1, point_source(1.0)), unmeasured(1))


def test_the_network_takes_batches_of_any_number() -> None:
    network = Network(_PACKAGE.joinpath("model.onnx").read_bytes())
    for n in (1, 49, 50, 51, 101):
        planes, features = np.zeros((n, 4, 41, 41), np.float32), np.zeros((n, 33), np.float32)
        assert network.probability(planes, features).shape == (n,)
