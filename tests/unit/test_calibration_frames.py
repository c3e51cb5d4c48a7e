"""Bias and flat exposures become calibration frames."""

from __future__ import annotations

import numpy as np
import pytest

from seechange_core.frames import Amplifier, Box, MaskPlane, SectionData
from seechange_core.imaging.calibration_frames import combine_calibration
from seechange_core.imaging.overscan import overscan_by_row, overscan_level

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
    with pytest.raises(ValueError, match=r"kind 'fringe'.*bias, flat"):
        combine_calibration("fringe", exposures(0, 1), "id")
    with pytest.raises(ValueError, match="no exposures"):
        combine_calibration("bias", [], "id")
    with pytest.raises(ValueError, match="differ in shape"):
        combine_calibration("bias", [*exposures(0, 1), *exposures(0, 1, shape=(10, 10))], "id")


def test_overscan_ignores_outliers_and_follows_rows() -> None:
    rng = np.random.default_rng(1)
    drift = np.linspace(0.0, 10.0, 400)
    pixels = (1000.0 + drift[:, None] + rng.normal(0.0, 4.0, (400, 32))).astype(np.float32)
    pixels[100, 5] = 60000.0
    rows = overscan_by_row(pixels, 51)
    # Noise of 1632 values 0.1; the running mean of a straight line is right but at its ends.
    assert np.abs(rows - 1000.0 - drift)[30:-30].max() < 0.5
    assert overscan_level(pixels) == pytest.approx(1005.0, abs=0.3)
