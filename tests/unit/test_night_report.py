"""The page of a night's report: it stands alone, and says what it is given."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from seechange_core.commands.night_report import figures
from seechange_core.commands.night_report.exposure_rows import exposure_rows, headings
from seechange_core.commands.night_report.page import page
from seechange_core.commands.night_report.status import status_of
from seechange_core.store.night_checks import QUANTITIES, Drift, Night, NightChecks, SectionCheck, Unusual

NIGHT = Night.named("2026-03-04", -70.0)
BEFORE = [(f"2026-02-{day:02d}", 1.0) for day in range(10, 18)]


def section(number: int, name: str = "C1", **changes: Any) -> SectionCheck:
    values = {quantity.name: 1.0 + 0.01 * number for quantity in QUANTITIES}
    made = SectionCheck(
        exposure_id=UUID(int=number),
        exposure=f"e{number}.fits",
        mjd=NIGHT.first_mjd + 0.4 + 0.01 * number,
        filter="r",
        section=name,
        state="done",
        step="scoring",
        values=values,
        n_peaks=40,
        n_flagged=5,
        n_deleted=2,
        decisions={"dipole": {"flagged": 7, "deleted": 2}, "wide": {"flagged": 1, "deleted": 0}},
        scores={"rbscore": [10, *[0] * 18, 28]},
        n_likely_real={"rbscore": 28},
    )
    return replace(made, **changes)


def checks(
    *sections: SectionCheck, unusual: tuple[Unusual, ...] = (), drifts: tuple[Drift, ...] = ()
) -> NightChecks:
    earlier = tuple(name for name, _ in BEFORE)
    return NightChecks("simcam, night", "simcam", "current", NIGHT, earlier, sections, drifts, unusual)


def test_page_stands_alone_and_its_figures_are_the_same_each_time() -> None:
    drifts = tuple(Drift.of(quantity, "r", [1.0], BEFORE) for quantity in QUANTITIES)
    night = checks(section(1), section(2, name="C2"), drifts=drifts)
    html = page(night)
    for forbidden in ("<script", "http:", "https:", "@import", "<link", "url("):
        assert forbidden not in html
    assert html.count("data:image/png;base64,") == html.count("<img") == 4
    figure = figures.decisions(night)
    assert figure is not None
    assert b64encode(figures.png(figure)).decode("ascii") in html


def test_what_matters_comes_first() -> None:
    html = page(checks(section(1), unusual=(Unusual(9.0, "seeing is bad", "the dome"),)))
    places = [
        html.index(text) for text in ('class="status look"', "seeing is bad", "the dome", "<img", "<table")
    ]
    assert places == sorted(places)
    assert "1 exposure, 1 section: 1 done. 1 thing is unusual." in html
    assert "2 deleted, 5 flagged" in html


def test_long_lists_are_folded() -> None:
    many = tuple(Unusual(1.0, f"thing {number}", "it") for number in range(25))
    html = page(checks(section(1), unusual=many))
    assert "<summary>15 more</summary>" in html
    assert html.index("thing 9") < html.index("<details>") < html.index("thing 10")


def test_names_and_reasons_are_escaped() -> None:
    told = (Unusual(1.0, "rejected: <script>", "a & b"),)
    sections = [section(number, exposure="a<b>&c.fits", scores={}, decisions={}) for number in (1, 2)]
    html = page(checks(*sections, unusual=told))
    assert "a&lt;b&gt;&amp;c.fits" in html
    assert "rejected: &lt;script&gt;" in html
    assert "<script" not in html


def test_night_without_exposures_has_a_page() -> None:
    html = page(checks())
    assert "No science exposures." in html
    assert html.count("Nothing was measured.") == 4


@pytest.mark.parametrize(
    ("states", "kind"),
    [
        (["done"] * 20, "ok"),
        (["done"] * 19 + ["rejected"], "ok"),
        (["done"] * 10 + ["rejected"] * 10, "bad"),
        (["done"] * 19 + ["failed"], "bad"),
    ],
)
def test_status_follows_from_what_was_lost(states: list[str], kind: str) -> None:
    sections = [section(number, state=state) for number, state in enumerate(states)]
    assert status_of(checks(*sections))[0] == kind


def test_drift_needs_nights_and_more_than_the_usual_scatter() -> None:
    seeing = QUANTITIES[0]
    assert Drift.of(seeing, "r", [9.0], BEFORE[:3]).z is None
    assert Drift.of(seeing, "r", [9.0], []).usual is None
    # Without any scatter, what is always normal counts: 0.15 arcsec.
    assert Drift.of(seeing, "r", [1.3], BEFORE).z == pytest.approx(2.0)
    wide = [(name, value) for (name, _), value in zip(BEFORE, np.linspace(0.0, 2.0, 8), strict=True)]
    assert Drift.of(seeing, "r", [1.6], wide).z == pytest.approx(0.6 / (1.4826 * 4 / 7), rel=1e-3)
    better = Drift.of(seeing, "r", [0.0], BEFORE)
    assert (better.unusual, better.worse) == (True, False)


def test_single_exposure_has_a_row_a_section() -> None:
    one, other = section(1, name="N1"), section(1, name="N2", state="rejected", decisions={}, values={})
    assert list(headings(checks(one, other)))[:3] == ["UTC", "section", "state"]
    rows = [row[1:4] for row in exposure_rows(checks(one, other))]
    assert rows == [("N1", "done", "r"), ("N2", "rejected", "r")]
    night = [row[1:4] for row in exposure_rows(checks(one, other, section(2)))]
    assert night == [("e1.fits", "1 done, 1 rejected", "r"), ("e2.fits", "1 done", "r")]
