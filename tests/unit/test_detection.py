"""Detection on the score, and what becomes of it where the noise is larger than it should be."""

from __future__ import annotations

import numpy as np
import pytest

from seechange_core.errors import Rejected
from seechange_core.frames import Difference, MaskPlane, PsfModel
from seechange_core.imaging.candidates.local_noise import local_noise
from seechange_core.steps.detection import Detection, DetectionParams, detect
from seechange_core.steps.step import StepContext

SHAPE = (256, 384)


def difference_of(score: np.ndarray, mask: np.ndarray | None = None) -> Difference:
    mask = np.zeros(SHAPE, np.uint16) if mask is None else mask
    psf = PsfModel(np.ones((1, 3, 3), np.float32) / 9, fwhm=4.0)
    return Difference(score, np.ones(SHAPE, np.float32), mask, psf, score=score)


def noise_with(*peaks: tuple[int, int, float]) -> np.ndarray:
    score = np.random.default_rng(3).normal(0.0, 1.0, SHAPE).clip(-3.5, 3.5).astype(np.float32)
    for x, y, value in peaks:
        score[y, x] = value
    return score


def test_both_signs_are_found_and_counted() -> None:
    score = noise_with((50, 60, 8.0), (200, 100, -7.0))
    result = Detection().run({"difference": difference_of(score)}, DetectionParams(), StepContext({}, None))
    table = result.outputs["detections"]
    np.testing.assert_array_equal(table["score"], np.float32([8.0, -7.0]))
    np.testing.assert_array_equal(table["noise"], [1.0, 1.0])
    assert result.metrics == {"n_detections": 2, "n_positive": 1, "n_negative": 1, "n_noisy": 0}
    assert table.meta == {"threshold": 5.0, "noise_block": 128, "noise_tolerance": 0.15}


def test_where_the_score_is_too_noisy_it_is_divided_by_its_scatter() -> None:
    score = noise_with((50, 60, 8.0), (300, 60, 8.0), (320, 30, 14.0))
    score[:128, 256:] *= np.where(np.abs(score[:128, 256:]) > 5, 1, 2)
    found = detect(difference_of(score), DetectionParams())
    assert found["score"][found["noise"] > 1].tolist() == [pytest.approx(7.0, rel=0.1)]
    assert found["score"][found["noise"] == 1].tolist() == [8.0]
    lax = detect(difference_of(score), DetectionParams(noise_tolerance=2.0))
    assert lax.n_rows > found.n_rows


def test_scatter_is_told_block_by_block() -> None:
    score = noise_with()
    score[:128, :128] *= 1.5
    score[128:, 128:256] = np.nan
    noise = local_noise(score, 128, 0.2)
    assert noise.values.shape == (2, 3)
    assert noise.values[0, 0] == pytest.approx(1.5, rel=0.12)
    assert np.count_nonzero(noise.values == 1) == 5
    x, y = np.array([-3.0, 127.4, 127.6, 1e4]), np.array([0.0, 127.4, 0.0, 1e4])
    np.testing.assert_array_equal(noise.at(x, y), [*[noise.values[0, 0]] * 2, 1.0, 1.0])


def test_peaks_on_unusable_pixels_are_kept_and_say_so() -> None:
    mask = np.zeros(SHAPE, np.uint16)
    mask[60, 48:53] = MaskPlane.BAD
    found = detect(difference_of(noise_with((50, 60, 8.0)), mask), DetectionParams())
    assert found["unusable_fraction"].tolist() == [pytest.approx(5 / 13)]
    assert found["mask"].tolist() == [MaskPlane.BAD]


def test_a_failed_subtraction_is_rejected() -> None:
    difference = difference_of(noise_with((50, 60, 8.0), (200, 100, -7.0)))
    with pytest.raises(Rejected, match="max_detections"):
        Detection().run({"difference": difference}, DetectionParams(max_detections=1), StepContext({}, None))
