"""What is left out of a coadd."""

from __future__ import annotations

import numpy as np
import pytest

from seechange_core.frames import PsfModel
from seechange_core.imaging.coaddition.deviating_pixels import Scale, deviating_pixels, scales
from seechange_core.simulation.psf_field import MoffatField

SHAPE = (41, 45)


def psf(fwhm: float) -> PsfModel:
    field = MoffatField(SHAPE, fwhm, (0.0, 0.0), 3.5)
    stamp = field.centred(np.array([22.0]), np.array([20.0]), 41).astype(np.float32)
    return PsfModel(stamp, fwhm=fwhm)


def same_seeing(number: int = 3) -> tuple[Scale, Scale]:
    return scales([psf(4.0)] * number)


def deviating(
    data: np.ndarray, usable: np.ndarray | None = None, at_scales: tuple[Scale, Scale] | None = None
) -> np.ndarray:
    usable = np.ones(data.shape, bool) if usable is None else usable
    variance = np.full(data.shape, 100.0, np.float32)
    return deviating_pixels(
        data.astype(np.float32),
        variance,
        usable,
        at_scales or same_seeing(len(data)),
        clip_sigma=5.0,
        light_fraction=0.2,
    )


def sky(number: int = 3) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 10, (number, *SHAPE))


def test_same_seeing_explains_nothing() -> None:
    for scale in same_seeing():
        assert scale.most.reach == 1
        assert np.allclose(scale.most.excess, 0)


def test_seeing_explains_the_ratio_of_the_peaks_and_wider_wings() -> None:
    sharp, wide = scales([psf(3.0), psf(5.0)])
    # The peaks of PSFs of one shape go with the inverse square of the width, but for the size of a pixel.
    assert sharp.few.excess == pytest.approx([25 / 9 - 1, 0.0], rel=0.15)
    assert wide.few.excess[0] < 0.6 * sharp.few.excess[0]
    assert sharp.few.reach > scales([psf(3.0), psf(3.5)])[0].few.reach


def test_middle_of_many_is_none_of_the_sharpest() -> None:
    sharp, _ = scales([psf(fwhm) for fwhm in np.linspace(3.0, 6.0, 12)])
    assert sharp.most.reach < sharp.few.reach
    assert sharp.most.excess.max() < sharp.few.excess.max()


@pytest.mark.parametrize("value", [400.0, -400.0])
def test_an_outlier_is_found_with_the_fainter_pixel_beside_it(value: float) -> None:
    data = sky()
    data[1, 20, 20:22] += value, value / 4
    found = deviating(data)
    assert np.argwhere(found).tolist() == [[1, 20, 20], [1, 20, 21]]


def test_sky_is_kept() -> None:
    assert not deviating(sky(8)).any()


def test_a_faint_streak_is_found_where_no_pixel_stands_out() -> None:
    data = sky(6)
    data[2, 18:22] += 25.0
    found = deviating(data)
    assert found[2, 18:22].mean() > 0.95
    assert not found[[0, 1, 3, 4, 5]].any()


def test_stars_are_kept_whatever_their_seeing() -> None:
    models = [psf(fwhm) for fwhm in (3.0, 4.0, 5.5)]
    light = np.zeros((3, *SHAPE))
    for image, model in zip(light, models, strict=True):
        image[:, 2:43] += 1e5 * model.stamp(22.0, 20.0, 41)
    assert not deviating(sky() + light, at_scales=scales(models)).any()
    assert deviating(sky() + light).any()


def test_one_usable_image_has_nothing_to_deviate_from() -> None:
    data, usable = sky(), np.zeros((3, *SHAPE), bool)
    usable[1] = True
    data[1, 20, 20] = 1e4
    assert not deviating(data, usable).any()
    usable[0] = True
    assert np.argwhere(deviating(data, usable)).tolist() == [[1, 20, 20]]
