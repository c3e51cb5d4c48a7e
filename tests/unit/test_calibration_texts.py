"""Text files of crosstalk coefficients and linearity curves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seechange_core.api import Detrender, InputError
from seechange_core.builtin.detrending import Bias, Crosstalk, Linearity
from seechange_core.builtin.simcam import Simcam

LINE = "C1B C2A -5.36e-04 6.86e-06 4.373232e+04 -6.703301e-04 3.463778e-08 9.838246e-13"


def test_crosstalk_is_sorted_by_the_section_of_the_victim() -> None:
    tables = Crosstalk().read_tables("crosstalk", f"# remark\n\n{LINE}\nC2A C1A 1e-5 1e-6\n", Simcam())
    assert sorted(tables) == ["C1", "C2"]
    first, second = tables["C1"], tables["C2"]
    assert (first["victim"][0], first["source_section"][0], first["source"][0]) == ("B", "C2", "A")
    assert first["linear"].tolist() == [-5.36e-4]
    assert first["onset_adu"].tolist() == [43732.32]
    assert first["polynomial"].tolist() == [[-6.703301e-04, 3.463778e-08, 9.838246e-13]]
    # Without an onset everything is linear.
    assert second["onset_adu"][0] > 1e6
    assert not second["polynomial"].any()


@pytest.mark.parametrize(
    ("line", "message"),
    [("C1B C2A 1e-4", "line 2: 3 columns"), ("C1B C2A x 1", "line 2"), ("D1A C1A 1e-4 1e-5", "no section")],
)
def test_crosstalk_error_names_the_line(line: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Crosstalk().read_tables("crosstalk", f"{LINE}\n{line}", Simcam())


def test_coefficients_of_decam_are_read(test_data: Path) -> None:
    text = (test_data / "decam_calib" / "DECam_xtalk_20130606.txt").read_text()

    class Numbered(Simcam):
        def amplifier_named(self, name: str) -> tuple[str, str]:
            return name[:-1].removeprefix("ccd"), name[-1]

    tables = Crosstalk().read_tables("crosstalk", text, Numbered())
    entries = sum(table.n_rows for table in tables.values())
    assert entries == sum(1 for line in text.splitlines() if line.startswith("ccd"))
    # The ghost goes on steadily where it ceases to be linear: the polynomial is of the excess above the onset.
    slopes = np.concatenate([t["polynomial"][:, 0][t["onset_adu"] < 1e6] for t in tables.values()])
    assert np.abs(slopes).max() < 5e-3


KNOTS = "amplifier,measured_adu,linear_adu\nC1A,0,0\nC1A,1000,1010\nC1B,0,0\n"


def test_linearity_curves_come_as_knots_or_polynomials() -> None:
    knots = Linearity().read_tables("linearity", f"# remark\n{KNOTS}", Simcam())["C1"]
    assert knots["amplifier"].tolist() == ["A", "A", "B"]
    assert knots["linear_adu"].tolist() == [0.0, 1010.0, 0.0]
    terms = Linearity().read_tables("linearity", "amplifier,c1,c2\nC2A,1.0,2e-7\n", Simcam())["C2"]
    assert terms["coefficients"].tolist() == [[1.0, 2e-7]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("amplifier,slope\nC1A,1", "needed are"),
        ("", "needed are"),
        (KNOTS + "C1A,500,505", "amplifier A do not ascend"),
        (KNOTS + "C1B,x,1", "C1B,x,1"),
        (KNOTS + "C1B,1", "3 columns"),
    ],
)
def test_linearity_error_names_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Linearity().read_tables("linearity", text, Simcam())


@pytest.mark.parametrize("component", [Bias()])
def test_images_are_not_read_from_text(component: Detrender) -> None:
    with pytest.raises(InputError, match="FITS"):
        component.read_tables(component.name, "text", Simcam())
