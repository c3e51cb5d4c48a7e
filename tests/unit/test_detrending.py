"""Each correction on small arrays whose result is known."""

from __future__ import annotations

import numpy as np
import pytest

from seechange_core.api import Detrender, InputError
from seechange_core.builtin.detrending import (
    BadPixels,
    Bias,
    CosmicRays,
    Edges,
    Flat,
    Gain,
    Noise,
    Overscan,
    Saturation,
)
from seechange_core.errors import PluginError
from seechange_core.frames import Amplifier, Box, CalibrationFrame, MaskPlane, SectionData
from seechange_core.imaging.detrending.assembly import assembled

ROWS, HALF = 40, 30
LEVELS = (1000.0, 1200.0)


def raw_amplifiers(*, flip_y: bool = False) -> tuple[Amplifier, ...]:
    """Two amplifiers with 8 columns of overscan each; the second runs backwards."""
    made = []
    for number in range(2):
        start = number * (HALF + 8)
        data, overscan = Box(0, ROWS, start, start + HALF), Box(0, ROWS, start + HALF, start + HALF + 8)
        trimmed = Box(0, ROWS, number * HALF, (number + 1) * HALF)
        flip_x = number == 1
        made.append(
            Amplifier("AB"[number], data, trimmed, overscan, (1.5, 2.0)[number], 6.0, 60000.0, flip_x, flip_y)
        )
    return tuple(made)


def raw_section(scene: np.ndarray, amplifiers: tuple[Amplifier, ...]) -> SectionData:
    """Lay an assembled scene (ADU) out as the amplifiers read it, each on its level."""
    raw = np.zeros((ROWS, 2 * (HALF + 8)), np.float32)
    for amplifier, level in zip(amplifiers, LEVELS, strict=True):
        pixels = scene[amplifier.trimmed.slices]
        raw[amplifier.data.slices] = (
            level + pixels[:: -1 if amplifier.flip_y else 1, :: -1 if amplifier.flip_x else 1]
        )
        assert amplifier.overscan is not None
        raw[amplifier.overscan.slices] = level
    return SectionData(raw, "adu", amplifiers)


def trimmed_section(scene: np.ndarray, **changes: object) -> SectionData:
    section = Overscan().apply(raw_section(scene, raw_amplifiers()), {})
    return section.replaced(**changes)


SCENE = np.random.default_rng(1).uniform(0, 500, (ROWS, 2 * HALF)).astype(np.float32)


@pytest.mark.parametrize("method", ["row", "level"])
@pytest.mark.parametrize("flip_y", [False, True])
def test_overscan_removes_levels_and_puts_flipped_amplifiers_right(method: str, flip_y: bool) -> None:
    section = raw_section(SCENE, raw_amplifiers(flip_y=flip_y))
    corrected = Overscan(Overscan.Params(method=method)).apply(section, {})
    assert np.allclose(corrected.data, SCENE, atol=1e-3)
    assert [name for name, _ in corrected.applied] == ["overscan"]
    assert section.applied == ()
    assert [amp.saturation_adu for amp in corrected.amplifiers] == [59000.0, 58800.0]
    assert all(
        amp.overscan is None and not amp.flip_x and amp.data == amp.trimmed for amp in corrected.amplifiers
    )


def test_overscan_follows_a_drift_along_the_rows() -> None:
    section = raw_section(SCENE, raw_amplifiers())
    drift = np.linspace(0, 20, ROWS, dtype=np.float32)[:, None]
    corrected = Overscan(Overscan.Params(smoothing_rows=1)).apply(
        section.replaced(data=section.data + drift), {}
    )
    assert np.allclose(corrected.data, SCENE, atol=1e-2)


def test_amplifiers_that_do_not_fit_the_array_are_an_error() -> None:
    with pytest.raises(ValueError, match="amplifier B"):
        assembled(np.zeros((ROWS, HALF + 8), np.float32), raw_amplifiers())


def test_section_without_overscan_is_an_error() -> None:
    with pytest.raises(InputError, match="no overscan"):
        Overscan().apply(trimmed_section(SCENE), {})


@pytest.mark.parametrize("first", ["saturation", "overscan"])
def test_saturation_is_judged_on_raw_levels_before_and_after_trimming(first: str) -> None:
    scene = SCENE.copy()
    scene[10, 5] = 60000 - LEVELS[0]
    scene[20, 50] = 60000 - LEVELS[1] - 1
    steps: list[Detrender] = [Saturation(Saturation.Params(grow_pixel=0)), Overscan()]
    section = raw_section(scene, raw_amplifiers())
    for step in steps if first == "saturation" else steps[::-1]:
        section = step.apply(section, {})
    assert section.mask is not None
    assert np.argwhere(section.mask & MaskPlane.SATURATED).tolist() == [[10, 5]]


def test_saturation_in_electrons() -> None:
    scene = SCENE.copy()
    scene[10, 5] = 70000
    section = Saturation().apply(Gain().apply(trimmed_section(scene), {}), {})
    assert section.mask is not None
    assert (section.mask != 0).sum() == 5


def test_bias_is_subtracted_with_its_mask() -> None:
    mask = np.zeros(SCENE.shape, np.uint16)
    mask[3, 4] = MaskPlane.BAD
    bias = CalibrationFrame("bias", np.full(SCENE.shape, 7.0, np.float32), "bias-id", mask)
    section = Bias().apply(trimmed_section(SCENE), {"bias": bias})
    assert np.allclose(section.data, SCENE - 7.0, atol=1e-3)
    assert section.mask is not None
    assert section.mask[3, 4] == MaskPlane.BAD
    assert section.applied[-1] == ("bias", "bias-id")


def test_flat_divides_and_masks_dead_pixels() -> None:
    response = np.full(SCENE.shape, 0.8, np.float32)
    response[5, 6] = 0.0
    flat = CalibrationFrame("flat", response, "flat-id")
    section = Flat().apply(trimmed_section(SCENE), {"flat": flat})
    assert section.mask is not None
    alive = section.mask == 0
    assert np.allclose(section.data[alive], SCENE[alive] / 0.8, rtol=1e-5, atol=1e-3)
    assert np.argwhere(~alive).tolist() == [[5, 6]]
    assert np.isfinite(section.data).all()


@pytest.mark.parametrize("component", [Bias(), Flat(), BadPixels()])
def test_calibration_of_another_shape_is_an_error_that_names_it(component: Detrender) -> None:
    kind = component.calibrations()[0]
    small = CalibrationFrame(kind, np.ones((5, 5), np.float32), "some-id")
    with pytest.raises(InputError, match=f"{kind} some-id"):
        component.apply(trimmed_section(SCENE), {kind: small})


def test_gain_of_each_amplifier_and_its_square_for_the_variance() -> None:
    section = trimmed_section(SCENE, variance=np.ones_like(SCENE))
    corrected = Gain().apply(section, {})
    assert corrected.unit == "electron"
    factor = np.repeat([1.5, 2.0], HALF)[None, :]
    assert np.allclose(corrected.data, SCENE * factor, atol=1e-2)
    assert corrected.variance is not None
    assert np.allclose(corrected.variance, np.broadcast_to(factor**2, SCENE.shape))


def test_gain_leaves_electrons_alone_and_does_not_claim_otherwise() -> None:
    section = trimmed_section(SCENE, unit="electron")
    assert Gain().apply(section, {}) is section


def test_bad_pixels_come_from_data_and_mask() -> None:
    listed = np.zeros(SCENE.shape, np.float32)
    listed[1, 2] = 1
    mask = np.zeros(SCENE.shape, np.uint16)
    mask[3, 4] = MaskPlane.BLEED
    section = BadPixels().apply(
        trimmed_section(SCENE), {"badpixels": CalibrationFrame("badpixels", listed, "id", mask)}
    )
    assert section.mask is not None
    assert np.argwhere(section.mask).tolist() == [[1, 2], [3, 4]]


def test_edges() -> None:
    section = Edges(Edges.Params(width_pixel=3)).apply(trimmed_section(SCENE), {})
    assert section.mask is not None
    assert (section.mask == 0).sum() == (ROWS - 6) * (2 * HALF - 6)
    assert section.mask[2, 30] == MaskPlane.EDGE
    assert section.mask[3, 3] == 0


def test_noise_wants_electrons() -> None:
    with pytest.raises(PluginError, match="name gain before it"):
        Noise().apply(trimmed_section(SCENE), {})


def test_noise_of_a_calibrated_image_is_measured() -> None:
    rng = np.random.default_rng(2)
    data = rng.normal(0.0, 12.0, (256, 256)).astype(np.float32)
    box = Box(0, 256, 0, 256)
    amplifier = Amplifier("all", box, box, None, 1.0, 3.0, 1e5)
    section = Noise().apply(SectionData(data, "electron", (amplifier,), calibrated=True), {})
    assert section.variance is not None
    # 65536 pixels give the variance from the absolute deviation to 1 per cent.
    assert np.median(section.variance) == pytest.approx(144.0, rel=0.03)


def test_cosmic_rays_need_no_stars() -> None:
    rng = np.random.default_rng(2)
    data = rng.normal(500.0, 22.0, (128, 128)).astype(np.float32)
    data[40, 50:56] += 1500
    box = Box(0, 128, 0, 128)
    section = CosmicRays().apply(
        SectionData(data, "electron", (Amplifier("all", box, box, None, 1.0, 3.0, 1e5),)), {}
    )
    assert section.mask is not None
    assert (section.mask[40, 50:56] == MaskPlane.COSMIC_RAY).all()
    away = section.mask.copy()
    away[39:42, 49:57] = 0
    assert not away.any()
