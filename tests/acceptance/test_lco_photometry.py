"""The zero point of a real exposure of Las Cumbres Observatory from stars matched to a catalogue with griz."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from seechange_core.imaging.photometry.zero_point import ZeroPointFit, fit_zero_point

EXPOSURE_S = 60.0


@pytest.fixture(scope="module")
def matched(test_data: Path) -> Table:
    return Table.read(test_data / "lco" / "ogg2m001-ep04-20201006-0097-matched-cat.fits")


def solved(matched: Table, colour_term: float | None) -> ZeroPointFit:
    flux_per_s = matched["flux"] / EXPOSURE_S
    error = np.hypot(matched["gmagerr"], 2.5 / np.log(10.0) * matched["fluxerr"] / matched["flux"])
    difference = np.array(matched["gmag"] + 2.5 * np.log10(flux_per_s))
    colour = np.array(matched["gmag"] - matched["rmag"]) - 0.5
    return fit_zero_point(difference, np.array(error), colour, colour_term=colour_term)


@pytest.mark.parametrize("colour_term", [0.0, None])
def test_zero_point_is_the_known_one(
    matched: Table, colour_term: float | None, record_figure: Callable[[str, float, str], None]
) -> None:
    fit = solved(matched, colour_term)
    record_figure(f"lco_zero_point_colour_{colour_term is None}", fit.zero_point, "mag")
    assert fit.zero_point == pytest.approx(25.15, abs=0.1)
    assert fit.error < 0.01
    assert fit.kept.mean() > 0.5
