"""The preprocessing step: which corrections are asked for and done, and what becomes of hopeless pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seechange_core.api import Rejected
from seechange_core.builtin.detrending import Bias, Gain, Noise, Overscan
from seechange_core.errors import PluginError
from seechange_core.frames import Amplifier, Box, CalibrationFrame, MaskPlane, SectionData
from seechange_core.steps.preprocessing import Preprocessing, PreprocessingParams
from seechange_core.steps.step import StepContext

SHAPE = (96, 80)
BOX = Box(0, *SHAPE[:1], 0, SHAPE[1])
AMPLIFIER = Amplifier("all", BOX, BOX, None, 2.0, 5.0, 50000.0)
BIAS = CalibrationFrame("bias", np.full(SHAPE, 10.0, np.float32), "bias-id")


def section(**changes: Any) -> SectionData:
    data = np.random.default_rng(1).normal(300.0, 12.0, SHAPE).astype(np.float32)
    return SectionData(data, "adu", (AMPLIFIER,), {"mjd": 6e4, "filter": "r"}, {"OBJECT": "x"}).replaced(
        **changes
    )


def context(*components: Any) -> StepContext:
    return StepContext({"": components}, None)


def run(given: SectionData, *components: Any, calibrations: dict[str, CalibrationFrame] | None = None) -> Any:
    inputs = {"section": given, "calibrations": {"bias": BIAS} if calibrations is None else calibrations}
    return Preprocessing().run(inputs, PreprocessingParams(), context(*components))


def test_asks_for_what_its_components_need() -> None:
    params = PreprocessingParams(optional=("bias",))
    (request,) = Preprocessing().requests({"section": section()}, params, context(Bias(), Gain()))
    assert (request.kinds, request.optional) == (("bias",), ("bias",))


def test_calibrated_section_asks_for_nothing_and_keeps_what_its_provider_did() -> None:
    calibrated = section(calibrated=True)
    components = (Overscan(), Bias(), Gain(), Noise())
    (request,) = Preprocessing().requests(
        {"section": calibrated}, PreprocessingParams(), context(*components)
    )
    assert request.kinds == ()
    result = run(calibrated, *components, calibrations={})
    assert result.branch == "calibrated"
    assert result.metrics["applied"] == ["gain", "noise"]
    assert np.allclose(result.outputs["image"].data, 2.0 * calibrated.data)


def test_image_carries_what_later_steps_rely_on() -> None:
    image = run(section(), Bias(), Gain(), Noise()).outputs["image"]
    assert np.allclose(image.data, 2.0 * (section().data - 10.0), rtol=1e-5)
    assert image.info == {
        "mjd": 6e4,
        "filter": "r",
        "gain": 2.0,
        "read_noise_electron": 5.0,
        "saturation_electron": 100000.0,
        "applied": [["bias", "bias-id"], ["gain", ""], ["noise", ""]],
    }
    assert image.header == {
        "OBJECT": "x",
        "APPLY01": "bias bias-id",
        "APPLY02": "gain",
        "APPLY03": "noise",
    }
    assert (image.variance > 0).all()


def test_correction_without_its_optional_calibration_is_left_out_and_not_claimed() -> None:
    result = run(section(), Bias(), Gain(), Noise(), calibrations={})
    assert result.metrics["applied"] == ["gain", "noise"]
    assert result.metrics["calibrations"] == {}
    assert result.metrics["left_out"] == ["bias"]


def test_metrics_name_the_calibration_file_of_each_correction() -> None:
    assert run(section(), Bias(), Gain(), Noise()).metrics["calibrations"] == {"bias": "bias-id"}


def test_correction_that_had_nothing_to_do_is_not_claimed() -> None:
    given = section(unit="electron")
    result = run(given, Gain(), Noise())
    assert result.metrics["applied"] == ["noise"]
    assert result.metrics["left_out"] == ["gain"]
    assert "gain" not in dict(result.outputs["image"].info["applied"])


def test_pixels_without_a_value_are_masked_and_zero() -> None:
    given = section()
    given.data[5, 6], given.data[7, 8] = np.nan, np.inf
    image = run(given, Bias(), Gain(), Noise()).outputs["image"]
    assert np.argwhere(image.mask & MaskPlane.NO_DATA).tolist() == [[5, 6], [7, 8]]
    assert image.data[5, 6] == image.data[7, 8] == 0
    assert np.isfinite(image.data).all()
    assert np.isfinite(image.variance).all()
    assert np.isnan(given.data[5, 6])


@pytest.mark.parametrize("hopeless", ["nan", "masked"])
def test_section_without_a_usable_pixel_is_rejected(hopeless: str) -> None:
    given = section()
    if hopeless == "nan":
        given.data[:] = np.nan
    else:
        given = given.replaced(mask=np.full(SHAPE, MaskPlane.BAD, np.uint16))
    with pytest.raises(Rejected, match="every pixel") as caught:
        run(given, Bias(), Gain(), Noise())
    assert caught.value.metrics["unusable_fraction"] == 1.0


@pytest.mark.parametrize("components", [(Bias(),), (Bias(), Gain())])
def test_profile_without_gain_or_noise_is_an_error(components: tuple[Any, ...]) -> None:
    with pytest.raises(PluginError, match="gain and noise"):
        run(section(), *components)
