"""Corrections that need more than one amplifier, a curve or a pattern, on arrays whose result is known."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping

import numpy as np
import pytest

from seechange_core.api import Detrender, InputError
from seechange_core.builtin.detrending import (
    Bias,
    Crosstalk,
    Dark,
    Gain,
    GainMatch,
    Illumination,
    Interpolation,
    Linearity,
    Noise,
    Overscan,
)
from seechange_core.errors import PluginError
from seechange_core.frames import (
    Amplifier,
    Box,
    CalibrationFrame,
    CalibrationTable,
    ColumnTable,
    MaskPlane,
    SectionData,
)

ROWS, HALF = 40, 30


def raw_section(data: np.ndarray, *, reversed_b: bool = False) -> SectionData:
    """Two amplifiers of 30 columns followed by 8 of overscan each."""
    amplifiers = tuple(
        Amplifier(
            "AB"[number],
            Box(0, ROWS, number * (HALF + 8), number * (HALF + 8) + HALF),
            Box(0, ROWS, number * HALF, (number + 1) * HALF),
            Box(0, ROWS, number * (HALF + 8) + HALF, (number + 1) * (HALF + 8)),
            2.0,
            6.0,
            50000.0,
            reversed_x=reversed_b and number == 1,
        )
        for number in range(2)
    )
    return SectionData(data.astype(np.float32), "adu", amplifiers, {"section": "C1", "exposure_s": 100.0})


def level(value: float = 1000.0) -> np.ndarray:
    return np.full((ROWS, 2 * (HALF + 8)), value)


def coefficients(source_section: str = "C1", **changes: object) -> dict[str, CalibrationTable]:
    columns = {
        "victim": ["B"],
        "source_section": [source_section],
        "source": ["A"],
        "linear": [1e-3],
        "error": [1e-5],
        "onset_adu": [20000.0],
        "polynomial": [[2e-3, 1e-7]],
    }
    return {"crosstalk": CalibrationTable("crosstalk", ColumnTable({**columns, **changes}), "x-id")}


@pytest.mark.parametrize("reversed_b", [False, True])
def test_ghost_lies_where_it_was_read_at_the_same_time(reversed_b: bool) -> None:
    data = level()
    data[10, 4], data[20, 4] = 11000.0, 31000.0
    done = Crosstalk().apply(raw_section(data, reversed_b=reversed_b), coefficients())
    column = HALF + 8 + (HALF - 1 - 4 if reversed_b else 4)
    change = done.data - data
    assert change[10, column] == pytest.approx(-10.0, abs=1e-3)
    # 20 up to the onset, and 2e-3 e + 1e-7 e^2 of the 10000 above it.
    assert change[20, column] == pytest.approx(-50.0, abs=1e-2)
    change[10, column] = change[20, column] = 0.0
    assert np.abs(change).max() < 1e-3
    assert done.mask is not None
    assert np.argwhere(done.mask & MaskPlane.CROSSTALK).tolist() == [[20, column]]
    assert done.applied == (("crosstalk", "x-id"),)


def test_ghosts_of_other_sections_are_counted_from_their_own_overscan() -> None:
    other = level(3000.0)
    other[5, 6] = 13000.0
    section = raw_section(level()).replaced(others={"C2": raw_section(other)})
    done = Crosstalk().apply(section, coefficients("C2"))
    change = done.data - section.data
    assert change[5, HALF + 8 + 6] == pytest.approx(-10.0, abs=1e-3)
    assert np.count_nonzero(np.abs(change) > 1e-3) == 1


class Watched(Mapping[str, SectionData]):
    """Other sections that are made when asked for; counts how many of them are alive."""

    def __init__(self) -> None:
        self.alive: list[weakref.ref[SectionData]] = []
        self.asked: list[str] = []
        self.most = 0

    def __getitem__(self, name: str) -> SectionData:
        self.most = max(self.most, sum(one() is not None for one in self.alive))
        self.asked.append(name)
        section = raw_section(level(3000.0))
        self.alive.append(weakref.ref(section))
        return section

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(("C2", "C3", "C4", "C5"))

    def __len__(self) -> int:
        return 4


def test_only_sections_that_are_named_are_read_and_one_at_a_time() -> None:
    one = coefficients("C2")["crosstalk"].table
    table = ColumnTable(
        {name: np.repeat(one[name], 3, axis=0) for name in one} | {"source_section": ["C2", "C4", "C2"]}
    )
    others = Watched()
    Crosstalk().apply(
        raw_section(level()).replaced(others=others),
        {"crosstalk": CalibrationTable("crosstalk", table, "x-id")},
    )
    assert others.asked == ["C2", "C4"]
    assert others.most == 0


def test_crosstalk_after_overscan_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(InputError, match="before overscan"):
        Crosstalk().apply(Overscan().apply(raw_section(level()), {}), coefficients())


def test_linearity_before_overscan_and_without_a_curve_is_an_error() -> None:
    table = ColumnTable({"amplifier": ["A"], "coefficients": [[1.0]]})
    files = {"linearity": CalibrationTable("linearity", table, "id")}
    with pytest.raises(InputError, match="after overscan"):
        Linearity().apply(raw_section(level()), files)
    with pytest.raises(InputError, match="no curve of C1 B"):
        Linearity().apply(Overscan().apply(raw_section(level()), {}), files)


@pytest.mark.parametrize("component", [Bias(), Dark()])
def test_what_is_in_adu_must_come_before_gain(component: Detrender) -> None:
    section = Gain().apply(Overscan().apply(raw_section(level()), {}), {})
    frame = CalibrationFrame(component.name, np.zeros((ROWS, 2 * HALF), np.float32), "id")
    with pytest.raises(PluginError, match=f"{component.name} works on ADU; name it before gain"):
        component.apply(section, {component.name: frame})


def test_image_where_a_table_is_needed_is_an_error_and_the_other_way_round() -> None:
    frame = CalibrationFrame("crosstalk", np.zeros((2, 2), np.float32), "id")
    with pytest.raises(InputError, match="crosstalk id is an image"):
        Crosstalk().apply(raw_section(level()), {"crosstalk": frame})
    table = CalibrationTable("bias", ColumnTable({"a": [1]}), "id")
    with pytest.raises(InputError, match="bias id is a table"):
        Bias().apply(Overscan().apply(raw_section(level()), {}), {"bias": table})


def test_illumination_divides_and_is_recorded_under_its_name() -> None:
    frame = CalibrationFrame("illumination", np.full((ROWS, 2 * HALF), 0.5, np.float32), "i-id")
    data = level()
    data[:, :HALF] += 100.0
    done = Illumination().apply(Overscan().apply(raw_section(data), {}), {"illumination": frame})
    assert np.allclose(done.data[:, :HALF], 200.0)
    assert done.applied[-1] == ("illumination", "i-id")


def test_noise_of_calibration_frames_and_dark_current_is_in_the_variance() -> None:
    data = level()
    data[:, :HALF] += 500.0
    data[:, HALF + 8 : 2 * HALF + 8] += 500.0
    shape = (ROWS, 2 * HALF)
    files = {
        "bias": CalibrationFrame("bias", np.zeros(shape, np.float32), "b", noise=1.5),
        "dark": CalibrationFrame("dark", np.full(shape, 0.5, np.float32), "d", noise=0.01),
    }
    section = Overscan().apply(raw_section(data), {})
    for component in (Bias(), Dark(), Gain(), Noise()):
        section = component.apply(section, files)
    # 450 ADU of sky and 50 of dark current at 2 electrons each; read noise, bias (1.5 ADU), dark (0.01 ADU/s x 100 s).
    expected = 900.0 + 100.0 + 36.0 + (1.5 * 2) ** 2 + (1.0 * 2) ** 2
    assert section.variance is not None
    assert np.allclose(section.variance, expected, rtol=1e-3)


def test_gains_of_a_single_amplifier_or_without_sky_are_left_alone() -> None:
    section = Gain().apply(Overscan().apply(raw_section(level()), {}), {})
    assert GainMatch().apply(section, {}) is section
    with pytest.raises(PluginError, match="name gain before it"):
        GainMatch().apply(Overscan().apply(raw_section(level()), {}), {})


def test_wide_defects_are_filled_only_as_far_as_asked() -> None:
    data = np.tile(np.arange(60.0), (ROWS, 1))
    mask = np.zeros(data.shape, np.uint16)
    mask[:, 10:13] = MaskPlane.BAD
    mask[:, 30:50] = MaskPlane.BAD
    given = SectionData(data.astype(np.float32), "electron", (), mask=mask)
    given.data[mask != 0] = 1e6
    done = Interpolation(Interpolation.Params(reach_pixel=4)).apply(given, {})
    assert done.mask is not None
    assert np.allclose(done.data[:, 10:13], [10, 11, 12])
    assert (done.mask[:, 10:13] == (MaskPlane.BAD | MaskPlane.INTERPOLATED)).all()
    assert (done.mask[:, 30:50] == MaskPlane.BAD).all()
    assert (done.data[:, 30:50] == 1e6).all()
