"""Bias and flat exposures become calibration frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seechange_core.frames import Amplifier, Box, MaskPlane, SectionData
from seechange_core.imaging.calibration.calibration_frames import combine_calibration, make_calibration
from seechange_core.imaging.calibration.exposure_stack import ExposureStack
from seechange_core.imaging.detrending.overscan import overscan_by_row, overscan_level
from seechange_core.imaging.frame_stack import FrameStack
from seechange_core.imaging.order_statistics import block_medians, median_of

SHAPE = (60, 50)


def exposures(
    level: float, noise: float, number: int = 9, shape: tuple[int, int] = SHAPE
) -> list[SectionData]:
    rng = np.random.default_rng(4)
    box = Box(0, shape[0], 0, shape[1])
    amplifier = Amplifier("all", box, box, None, 1.0, 5.0, 60000.0)
    return [
        SectionData(rng.normal(level, noise, shape).astype(np.float32), "adu", (amplifier,))
        for _ in range(number)
    ]


def test_bias_averages_and_ignores_a_cosmic_ray() -> None:
    given = exposures(0.0, 4.0)
    given[2].data[30, 20] += 3000.0
    bias = combine_calibration("bias", given, "some-id")
    assert (bias.kind, bias.product_id) == ("bias", "some-id")
    # 3000 pixels: the scatter of a mean of nine is known to 1.3 per cent.
    assert bias.data.std() == pytest.approx(4.0 / 3.0, rel=0.05)
    assert abs(bias.data[30, 20]) < 6.0
    assert bias.mask is not None
    assert not bias.mask.any()


def test_bias_marks_hot_columns() -> None:
    given = exposures(0.0, 4.0)
    for one in given:
        one.data[:, 13] += 300.0
    mask = combine_calibration("bias", given, "id").mask
    assert mask is not None
    assert np.unique(np.nonzero(mask)[1]).tolist() == [13]
    assert set(np.unique(mask)) == {0, MaskPlane.BAD}


def test_flat_has_median_one_whatever_the_lamp_did() -> None:
    given = exposures(20000.0, 140.0, 5)
    given = [
        one.replaced(data=one.data * lamp) for one, lamp in zip(given, (1.0, 1.1, 0.9, 1.3, 0.7), strict=True)
    ]
    for one in given:
        one.data[:, 7] *= 0.2
    flat = combine_calibration("flat", given, "id")
    assert np.median(flat.data) == pytest.approx(1.0, abs=1e-6)
    assert flat.data[:, 8:].std() == pytest.approx(0.007 / np.sqrt(5), rel=0.1)
    assert flat.mask is not None
    assert np.unique(np.nonzero(flat.mask)[1]).tolist() == [7]


def test_what_cannot_be_combined_is_said() -> None:
    with pytest.raises(ValueError, match=r"kind 'crosstalk'.*bias, dark, flat"):
        combine_calibration("crosstalk", exposures(0, 1), "id")
    with pytest.raises(ValueError, match="no exposures"):
        combine_calibration("bias", [], "id")
    with pytest.raises(ValueError, match=r"has the shape \(10, 10\), those before it \(60, 50\)"):
        combine_calibration("bias", [*exposures(0, 1), *exposures(0, 1, shape=(10, 10))], "id")


def test_two_exposures_that_contradict_each_other_give_the_lower_value() -> None:
    given = exposures(0.0, 4.0, 2)
    given[1].data[30, 20] += 3000.0
    bias = combine_calibration("bias", given, "id")
    assert bias.data[30, 20] == given[0].data[30, 20]
    assert bias.data[31, 20] == pytest.approx((given[0].data[31, 20] + given[1].data[31, 20]) / 2.0, abs=1e-5)


def test_odd_exposures_are_rejected_by_name(tmp_path: Path) -> None:
    given = exposures(0.0, 5.0, 8)
    given[3] = given[3].replaced(data=given[3].data + 40.0)
    given[5] = given[5].replaced(data=given[5].data * 2.0)
    slope = np.linspace(-30.0, 30.0, SHAPE[1], dtype=np.float32)
    given[6] = given[6].replaced(data=given[6].data + slope)
    with ExposureStack(tmp_path) as stack:
        for number, one in enumerate(given):
            stack.add(one, name=f"bias {number}")
        made = make_calibration("bias", stack, "id")
        with pytest.raises(
            ValueError, match=r"5 exposures are left for a bias, 6 needed; bias 3: its level is 39"
        ):
            make_calibration("bias", stack, "id", fewest=6)
    assert list(made.rejected) == ["bias 3", "bias 5", "bias 6"]
    for name, word in (("bias 3", "level"), ("bias 5", "noise"), ("bias 6", "shape")):
        assert word in made.rejected[name]
    assert made.metrics["n_combined"] == 5


def test_pixel_without_any_value_is_bad_and_neutral(tmp_path: Path) -> None:
    hidden = np.zeros(SHAPE, bool)
    hidden[4, 7] = True
    with ExposureStack(tmp_path) as stack:
        for one in exposures(20000.0, 140.0, 4):
            stack.add(one, hidden=hidden)
        flat = make_calibration("flat", stack, "id").frame
    assert flat.data[4, 7] == 1.0
    assert flat.mask is not None
    assert np.argwhere(flat.mask == MaskPlane.BAD).tolist() == [[4, 7]]


def test_dark_is_a_rate_and_needs_a_time(tmp_path: Path) -> None:
    with ExposureStack(tmp_path) as stack:
        for number, one in enumerate(exposures(30.0, 8.0, 5)):
            stack.add(one.replaced(info={"exposure_s": 0.0 if number == 4 else 300.0}), name=f"dark {number}")
        made = make_calibration("dark", stack, "id")
    assert made.rejected == {"dark 4": "its exposure time is 0"}
    assert np.median(made.frame.data) == pytest.approx(0.1, rel=0.02)


def test_stack_gives_back_what_it_was_given(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    images = rng.normal(size=(7, 40, 30)).astype(np.float32)
    with FrameStack(tmp_path) as stack:
        for image in images:
            stack.append(image)
        rows, band = next(iter(stack.bands([5, 2])))
        np.testing.assert_array_equal(band, images[[5, 2], rows])
        with pytest.raises(ValueError, match=r"shape \(3, 3\), those before it \(40, 30\)"):
            stack.append(np.zeros((3, 3), np.float32))
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [1, 2, 3, 10, 11, 100])
def test_compiled_median_is_the_median(number: int) -> None:
    values = np.round(np.random.default_rng(number).normal(size=number), 1).astype(np.float32)
    assert median_of(values.copy(), number) == pytest.approx(np.median(values))


def test_block_medians_leave_gaps_out() -> None:
    image = np.arange(35, dtype=np.float32).reshape(5, 7)
    image[0, 0] = np.nan
    medians = block_medians(image, 4)
    assert medians.shape == (2, 2)
    assert medians[0, 0] == np.nanmedian(image[:4, :4])
    assert medians[1, 1] == np.median(image[4:, 4:])


def test_overscan_ignores_outliers_and_follows_rows() -> None:
    rng = np.random.default_rng(1)
    drift = np.linspace(0.0, 10.0, 400)
    pixels = (1000.0 + drift[:, None] + rng.normal(0.0, 4.0, (400, 32))).astype(np.float32)
    pixels[100, 5] = 60000.0
    rows = overscan_by_row(pixels, 51)
    # Noise of 1632 values 0.1; the running mean of a straight line is right but at its ends.
    assert np.abs(rows - 1000.0 - drift)[30:-30].max() < 0.5
    assert overscan_level(pixels) == pytest.approx(1005.0, abs=0.3)
