from __future__ import annotations

import click
import pytest

from seechange_core.commands.sky_position import DEC, RA, sexagesimal


@pytest.mark.parametrize(
    ("kind", "text", "degrees"),
    [
        (RA, "150.14662", 150.14662),
        (RA, "10:00:35.19", 150.146625),
        (RA, "10h00m35.19s", 150.146625),
        (RA, "10 00 35.19", 150.146625),
        (RA, "10:00", 150.0),
        (DEC, "-45.5", -45.5),
        (DEC, "-45:30:00", -45.5),
        (DEC, "-00:30:00", -0.5),
        (DEC, "+02d12m24.768s", 2.20688),
    ],
)
def test_positions_are_read_in_both_forms(kind: click.ParamType, text: str, degrees: float) -> None:
    assert kind.convert(text, None, None) == pytest.approx(degrees, abs=1e-9)


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (RA, "400", "between 0 and 360"),
        (RA, "25:00:00", "between 0 and 360"),
        (DEC, "150.1", "RA comes first"),
        (DEC, "x", "is no DEC; write it like"),
        (RA, "10:61:00", "is no RA; write it like"),
        (RA, "nan", "is no RA; write it like"),
    ],
)
def test_what_is_no_position_is_said(kind: click.ParamType, text: str, said: str) -> None:
    with pytest.raises(click.BadParameter, match=said):
        kind.convert(text, None, None)


@pytest.mark.parametrize(
    ("ra", "dec", "text"),
    [
        (150.146625, 2.20688, "10:00:35.190 +02:12:24.77"),
        (0.0, -0.5, "00:00:00.000 -00:30:00.00"),
        (359.99999999, -89.999999999, "00:00:00.000 -90:00:00.00"),
    ],
)
def test_sexagesimal_has_no_sixty_seconds(ra: float, dec: float, text: str) -> None:
    assert sexagesimal(ra, dec) == text
