from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from seechange_core.frames import (
    BackgroundModel,
    DetectionTable,
    Difference,
    Frame,
    MaskPlane,
    PsfModel,
    Stamps,
)
from seechange_core.imaging.stamps import cut, cut_triplets, stamp_corners
from seechange_core.steps.cutting import Cutting, CuttingParams
from seechange_core.steps.step import StepContext

SHAPE = (30, 40)


def triplets(x: list[float], y: list[float], size: int) -> Stamps:
    plane = np.arange(SHAPE[0] * SHAPE[1], dtype=np.float32).reshape(SHAPE)
    return cut_triplets(x, y, size, plane, 2 * plane, -plane, np.ones(SHAPE, np.uint16))


def test_the_middle_pixel_holds_the_position() -> None:
    stamps = triplets([12.4, 12.6], [7.0, 7.5], 5)
    assert stamps.new[:, 2, 2].tolist() == [7 * 40 + 12, 8 * 40 + 13]
    assert stamps.corner_x.tolist() == [10, 11]
    assert stamps.corner_y.tolist() == [5, 6]
    np.testing.assert_array_equal(stamps.ref, 2 * stamps.new)
    np.testing.assert_array_equal(stamps.difference, -stamps.new)


@pytest.mark.parametrize(("x", "y"), [(0.0, 0.0), (39.4, 29.4), (0.0, 29.0), (20.0, -0.4)])
def test_pixels_off_the_image_are_marked(x: float, y: float) -> None:
    stamps = triplets([x], [y], 7)
    rows, columns = (np.arange(7) + corner[0] for corner in (stamps.corner_y, stamps.corner_x))
    inside = ((rows >= 0) & (rows < SHAPE[0]))[:, None] & ((columns >= 0) & (columns < SHAPE[1]))
    for plane in (stamps.new, stamps.ref, stamps.difference):
        np.testing.assert_array_equal(np.isfinite(plane[0]), inside)
    np.testing.assert_array_equal(stamps.mask[0] == MaskPlane.NO_DATA, ~inside)
    assert stamps.mask[0][inside].tolist() == [1] * int(inside.sum())


def test_a_stamp_may_lie_wholly_off_the_image() -> None:
    stamps = triplets([-100.0, 500.0], [5.0, 900.0], 5)
    assert np.isnan(stamps.new).all()
    assert (stamps.mask == MaskPlane.NO_DATA).all()


def test_sets_of_stamps_are_joined_with_a_score_where_all_have_one() -> None:
    plain = triplets([12.0, 5.0], [7.0, 8.0], 5)
    scored = replace(plain, score=plain.new + 1)
    joined = Stamps.joined([scored, scored]).rows(np.array([3, 0]))
    np.testing.assert_array_equal(joined.score, scored.score[[1, 0]])
    np.testing.assert_array_equal(joined.x, [5.0, 12.0])
    without = Stamps.joined([scored, plain])
    assert (without.score, without.n_candidates) == (None, 4)


def test_cutting_copies() -> None:
    image = np.zeros(SHAPE, np.float32)
    cut(image, *stamp_corners([10], [10], 5), 5, np.nan)[:] = 1.0
    assert not image.any()


@pytest.mark.parametrize("size", [0, 4, -3])
def test_an_even_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="must be odd"):
        stamp_corners([1.0], [1.0], size)


def test_an_even_size_is_refused_as_parameter() -> None:
    with pytest.raises(ValidationError, match="40 is even"):
        CuttingParams(size=40)


@pytest.mark.parametrize("n", [0, 3])
def test_the_step_subtracts_the_sky_from_the_new_image_only(n: int) -> None:
    level = np.full((3, 4), 100.0, np.float32)
    background = BackgroundModel(level, level / 10, (10, 10), SHAPE, 100.0, 10.0)
    one = np.ones(SHAPE, np.float32)
    mask = np.zeros(SHAPE, np.uint16)
    detections = DetectionTable(
        {"x": [9.0] * n, "y": [12.0] * n, "score": [6.0] * n, "n_pixels": [5] * n, "mask": [0] * n}
        | {"unusable_fraction": [0.0] * n, "noise": [1.0] * n, "footprint": list(range(n))}
    )
    inputs = {
        "image": Frame(one + 100, one, mask),
        "background": background,
        "difference": Difference(3 * one, one, mask, PsfModel(np.ones((1, 3, 3), np.float32)), score=7 * one),
        "aligned_reference": Frame(2 * one, one, mask),
        "detections": detections,
    }
    context = StepContext({}, None)
    result = Cutting().run(inputs, CuttingParams(size=7), context)
    stamps = result.outputs["stamps"]
    assert stamps.new.shape == stamps.mask.shape == (n, 7, 7)
    np.testing.assert_allclose(stamps.new, 1.0, atol=1e-4)
    np.testing.assert_array_equal(stamps.ref, 2.0)
    np.testing.assert_array_equal(stamps.difference, 3.0)
    assert stamps.score.shape == (n, 7, 7)
    np.testing.assert_array_equal(stamps.score, 7.0)
    plain = Cutting().run(inputs, CuttingParams(size=7, score=False), context).outputs["stamps"]
    assert plain.score is None
