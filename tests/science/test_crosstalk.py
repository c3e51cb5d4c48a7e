"""Crosstalk on simulated raw exposures of two CCDs with known coefficients, some of them not linear."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np
import pytest

from seechange_core.api import ExposureHeader, Instrument, SectionGeometry
from seechange_core.builtin.detrending import Crosstalk
from seechange_core.frames import CalibrationTable, MaskPlane, SectionData
from seechange_core.simulation.detector import analogue
from seechange_core.simulation.read_out_effects import Ghost, with_crosstalk
from seechange_core.testing.raw_scenes import COLUMNS, ROWS, SHAPE, detector, section, starlight

Record = Callable[[str, float, str], None]
#: victim, source, coefficient, error, onset, polynomial; the first and third as DECam has them for CCD 25, 26.
PAIRS = (
    (("1", "B"), ("1", "A"), 1.34e-4, 1.13e-5, 4.078154e4, (1.537540e-4, -6.980507e-8, 5.963848e-12)),
    (("1", "A"), ("1", "B"), 3.16e-4, 9.32e-6, 1e10, (0.0, 0.0, 0.0)),
    (("1", "B"), ("2", "A"), -5.36e-4, 6.86e-6, 4.373232e4, (-6.703301e-4, 3.463778e-8, 9.838246e-13)),
    (("2", "A"), ("1", "B"), 3.9e-5, 3.28e-6, 1e10, (0.0, 0.0, 0.0)),
)
FILE = "# victim source x x_err src_nl poly_coeff\n" + "\n".join(
    f"ccd{victim[0]}{victim[1]} ccd{source[0]}{source[1]} {x} {error} {onset} {' '.join(map(str, poly))}"
    for victim, source, x, error, onset, poly in PAIRS
)


class TwoCcds(Instrument):
    """Calls its amplifiers as DECam's calibration files do."""

    sections: ClassVar = {name: SectionGeometry(name, SHAPE) for name in "12"}

    def recognises(self, path: object) -> bool:
        return False

    def read_header(self, files: object) -> ExposureHeader:
        raise NotImplementedError

    def read(self, files: object, section: str) -> SectionData:
        raise NotImplementedError

    def first_mapping(self, header: object, info: object) -> None:
        return None

    def amplifier_named(self, name: str) -> tuple[str, str]:
        return super().amplifier_named(name.removeprefix("ccd"))


def exposure(seed: int, off_by_sigma: float = 0.0) -> tuple[dict[str, SectionData], dict[str, np.ndarray]]:
    """Return raw sections with ghosts, and what they were without; coefficients off by so many of their errors."""
    rng = np.random.default_rng([seed, 31])
    ghosts = [
        Ghost(victim, source, x + off_by_sigma * error, onset, poly)
        for victim, source, x, error, onset, poly in PAIRS
    ]
    detectors = {name: detector() for name in "12"}
    signals = {}
    for name in "12":
        light = starlight(rng, 60, 2e6)
        # A patch bright enough to see coefficients of 1e-5, and one above the onset of what is not linear.
        for number, (y, level_adu) in enumerate(((60, 30000.0), (330, 50000.0))):
            for gain, start in zip((4.0, 4.2), (20, COLUMNS // 2 + 20), strict=True):
                left = start + 110 * ((number + int(name)) % 2)
                light[y : y + 120, left : left + 90] += level_adu * gain
        signals[name] = analogue(rng, detectors[name], rng.poisson(light + 100.0).astype(float))
    raw = with_crosstalk(signals, detectors, ghosts)
    clean = with_crosstalk(signals, detectors, ())
    made = {name: section(raw[name], detectors[name], name) for name in "12"}
    others: Mapping[str, SectionData] = dict(made)
    return {name: one.replaced(others=others) for name, one in made.items()}, clean


def corrected(sections: dict[str, SectionData], name: str) -> SectionData:
    table = Crosstalk().read_tables("crosstalk", FILE, TwoCcds())[name]
    return Crosstalk().apply(sections[name], {"crosstalk": CalibrationTable("crosstalk", table, "file-id")})


def test_ghosts_are_removed_to_the_rounding_of_the_numbers(seed: int, record_figure: Record) -> None:
    sections, clean = exposure(seed)
    worst = 0.0
    for name in "12":
        done = corrected(sections, name)
        before, after = sections[name].data - clean[name], done.data - clean[name]
        assert np.abs(before).max() > 1.0
        # Both are rounded to whole numbers; what is left in the mean is what counts.
        assert np.abs(after).max() < 1.1
        for y in range(0, ROWS, 32):
            for x in range(50, 50 + COLUMNS, 32):
                worst = max(worst, abs(after[y : y + 32, x : x + 32].mean()))
        assert done.applied == (("crosstalk", "file-id"),)
        assert done.info["crosstalk_missing"] == []
    record_figure("crosstalk_residual_of_32_pixel_blocks", worst, "ADU")
    assert worst < 0.1


@pytest.mark.parametrize("off_by_sigma", [-1.0, 1.0])
def test_what_is_left_is_the_error_of_the_coefficient(
    seed: int, record_figure: Record, off_by_sigma: float
) -> None:
    sections, clean = exposure(seed, off_by_sigma)
    victim_section, source_section = "1", "2"
    after = corrected(sections, victim_section).data - clean[victim_section]
    victim, source = sections["1"].amplifiers[1], sections["2"].amplifiers[0]
    signal = (sections[source_section].data[source.data.slices] - 1200.0)[:, ::-1]
    residual = after[victim.data.slices]
    own = (sections["1"].data[sections["1"].amplifiers[0].data.slices] - 1200.0)[:, ::-1]
    bright = (signal > 20000) & (signal < 40000) & (own < 1000)
    coefficient = residual[bright].mean() / signal[bright].mean()
    # Each pixel is rounded twice, 10000 of them: 0.004 ADU of a signal of 30000.
    record_figure("crosstalk_coefficient_left", abs(coefficient) / 6.86e-6, "of its error")
    assert coefficient == pytest.approx(off_by_sigma * 6.86e-6, abs=5e-7)


def test_uncertain_ghosts_are_flagged_and_the_rest_is_not(seed: int) -> None:
    sections, _ = exposure(seed)
    done = corrected(sections, "1")
    assert done.mask is not None
    flagged = (done.mask & MaskPlane.CROSSTALK) != 0
    victim = sections["1"].amplifiers[1]
    own = (sections["1"].data[sections["1"].amplifiers[0].data.slices] - 1200.0)[:, ::-1]
    assert flagged[victim.data.slices][own > 42000].mean() > 0.99
    assert not flagged[sections["1"].amplifiers[0].data.slices].any()
    assert flagged.mean() < 0.1


def test_source_that_the_exposure_lacks_is_named(seed: int) -> None:
    sections, _ = exposure(seed)
    lonely = {"1": sections["1"].replaced(others={})}
    assert corrected(lonely, "1").info["crosstalk_missing"] == ["2"]
