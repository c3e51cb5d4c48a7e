from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from seechange_core.api import ExposureHeader
from seechange_core.cli import cli
from seechange_core.commands.night_report.status import status_of, tiles_of
from seechange_core.models import Product, row_id
from seechange_core.provenance import Provenance
from seechange_core.store import Store
from seechange_core.store.night_checks import Night, check_exposure, check_night
from seechange_core.store.night_checks.summary import latest_night

LONGITUDE_DEG = -70.0
_numbers = itertools.count()
#: MJD of midnight at the longitude of the simulated camera (-70 degrees) on the first night: the evening of 2026-01-01.
FIRST_MIDNIGHT = 61042.0 + 70.0 / 360.0
SECTIONS = ("C1", "C2", "C3", "C4")


def usual_metrics(random: np.random.Generator) -> dict[str, dict[str, Any]]:
    """What the steps of one section measure on an ordinary night, by process."""
    seeing, clouds = 1.1 + 0.05 * random.normal(), 0.01 * abs(random.normal())
    counts = random.multinomial(40, [0.3, *[0.005] * 18, 0.61]).tolist()
    return {
        "preprocessing": {"unusable_fraction": 0.004 + 0.0002 * random.normal()},
        "extraction": {
            "seeing_arcsec": seeing,
            "ellipticity": 0.03 + 0.003 * random.normal(),
            "sky_electron_per_s": 13.0 + random.normal(),
        },
        "astrocal": {"rms_mas": 15.0 + random.normal()},
        "photocal": {
            "zero_point_per_s": 25.5 - clouds,
            "scatter_mag": 0.015 + 0.001 * random.normal(),
            "limiting_magnitude": 22.4 - 0.8 * (seeing - 1.1) - clouds,
        },
        "subtraction": {
            "registration_error_x": 0.006 + 0.0005 * random.normal(),
            "star_flux_ratio": 1.0 + 0.001 * random.normal(),
            "score_scatter": 1.0 + 0.008 * random.normal(),
            "star_residual": 0.0005 * random.normal(),
            "star_residual_scatter": 0.008 + 0.0005 * random.normal(),
            "star_residual_significant": 0.05,
            "difference_limiting_magnitude": 22.1 - 0.8 * (seeing - 1.1) - clouds,
        },
        "detection": {"n_detections": 50},
        "measuring": {"n_measurements": 40},
        "scoring": {"score_histogram": {"rbscore": counts}, "n_likely_real": {"rbscore": sum(counts[14:])}},
    }


def provenance_of(process: str) -> Provenance:
    return Provenance(process, "1.0", {"step": {}, "components": {}}, {})


def add_section(
    store: Store, exposure: Any, section: str, metrics: Mapping[str, Mapping[str, Any]], rejected: str = ""
) -> None:
    """Save what the steps of one section measured; the last of them may have rejected it."""
    rows = []
    for process, measured in metrics.items():
        provenance_id = provenance_of(process).id
        identity = f"{exposure.id} {section} {process} {next(_numbers)}"
        last = rejected and process == list(metrics)[-1]
        rows.append(
            Product(
                id=row_id(identity),
                identity=identity,
                process=process,
                provenance_id=provenance_id,
                exposure_id=exposure.id,
                place=section,
                anchor=identity,
                inputs={},
                metrics=dict(measured),
                state="rejected" if last else "done",
                reason=rejected if last else "",
            )
        )
    with store.database.write() as session:
        session.add_all(rows)


def add_exposure(
    store: Store,
    folder: Path,
    night: int,
    number: int,
    random: np.random.Generator,
    changes: Mapping[str, Mapping[str, Any]] | None = None,
    sections: Sequence[str] = SECTIONS,
) -> Any:
    """Save an exposure with all its sections; `changes` replace metrics by process."""
    mjd = FIRST_MIDNIGHT + night + (number - 3) / 24.0
    raw = folder / f"night{night:02d}_{number:02d}.fits"
    raw.write_bytes(f"{night} {number}".encode())
    header = ExposureHeader("science", mjd, 60.0, "r", 150.0, 2.0, tuple(sections))
    exposure = store.exposures.register("simcam", header, [raw])
    for section in sections:
        metrics = usual_metrics(random)
        for process, changed in (changes or {}).items():
            metrics[process] |= changed
        add_section(store, exposure, section, metrics)
    return exposure


def add_nights(
    store: Store, folder: Path, count: int, exposures: int = 2, seed: int = 1
) -> np.random.Generator:
    """Save ordinary nights, with their processing tagged; return the source of random numbers, for more."""
    random = np.random.default_rng(seed)
    store.provenances.set_tag(
        "current", "simcam", [provenance_of(process) for process in usual_metrics(random)]
    )
    for night in range(count):
        for number in range(exposures):
            add_exposure(store, folder, night, number, random)
    return random


def night(number: int) -> Night:
    return Night.at(FIRST_MIDNIGHT + number, LONGITUDE_DEG)


def test_ordinary_night_is_as_usual(store: Store, tmp_path: Path) -> None:
    add_nights(store, tmp_path, 12)
    found = latest_night(store.database, "simcam", LONGITUDE_DEG)
    assert found == night(11)
    checks = check_night(store.database, "simcam", found)
    assert (checks.n_exposures, dict(checks.states)) == (2, {"done": 8})
    assert checks.earlier == tuple(night(number).name for number in range(1, 11))
    assert checks.night.name == "2026-01-12"
    assert checks.unusual == ()
    (seeing,) = (drift for drift in checks.drifts if drift.quantity.name == "seeing_arcsec")
    assert seeing.tonight == pytest.approx(1.1, abs=0.1)
    assert seeing.usual == pytest.approx(1.1, abs=0.05)
    assert [name for name, _ in seeing.before] == list(checks.earlier)


@pytest.mark.parametrize(
    ("process", "metric", "value", "title"),
    [
        ("extraction", "seeing_arcsec", 2.0, "seeing in r: 2.00 arcsec"),
        ("photocal", "zero_point_per_s", 25.2, "zero point (1 electron/s) in r: 25.20 mag"),
        ("subtraction", "score_scatter", 1.08, "scatter of the significance in r: 1.080 sigma"),
        ("subtraction", "star_residual", -0.02, "light left of bright stars in r: -2.00%"),
        ("detection", "n_detections", 160, "detections a section in r: 160"),
    ],
)
def test_drift_is_flagged(
    store: Store, tmp_path: Path, process: str, metric: str, value: float, title: str
) -> None:
    random = add_nights(store, tmp_path, 10)
    for number in range(2):
        add_exposure(store, tmp_path, 10, number, random, {process: {metric: value}})
    checks = check_night(store.database, "simcam", night(10))
    assert [drift.quantity.name for drift in checks.drifts if drift.unusual] == [metric]
    assert checks.unusual[0].text.startswith(title)
    assert "10 nights" in checks.unusual[0].text


def test_what_is_better_than_usual_is_not_reported(store: Store, tmp_path: Path) -> None:
    random = add_nights(store, tmp_path, 10)
    add_exposure(store, tmp_path, 10, 0, random, {"extraction": {"seeing_arcsec": 0.4}})
    checks = check_night(store.database, "simcam", night(10))
    assert [drift.worse for drift in checks.drifts if drift.unusual] == [False]
    assert checks.unusual == ()


def test_few_nights_tell_no_drift_but_impossible_values_do(store: Store, tmp_path: Path) -> None:
    random = add_nights(store, tmp_path, 3)
    changes = {"extraction": {"seeing_arcsec": 3.0}, "subtraction": {"score_scatter": 1.4}}
    add_exposure(store, tmp_path, 3, 0, random, changes)
    checks = check_night(store.database, "simcam", night(3))
    assert all(drift.z is None for drift in checks.drifts)
    assert [one.text.partition(" in ")[0] for one in checks.unusual] == [
        "scatter of the significance outside of 0.900 sigma to 1.100 sigma"
    ]


def test_one_section_unlike_the_others_is_named(store: Store, tmp_path: Path) -> None:
    random = add_nights(store, tmp_path, 1)
    exposure = store.exposures.chosen("night00_01.fits")
    metrics = usual_metrics(random)
    metrics["subtraction"]["star_residual_scatter"] = 0.09
    for made in ("C1",):
        # Processed again: the latest product counts.
        add_section(store, exposure, made, {"subtraction": metrics["subtraction"]})
    checks = check_night(store.database, "simcam", night(0))
    assert "scatter of the light left of C1 in night00_01.fits: 9.00%" in checks.unusual[0].text


def test_lost_sections_come_first(store: Store, tmp_path: Path) -> None:
    random = add_nights(store, tmp_path, 5)
    mjd = FIRST_MIDNIGHT + 5
    raw = tmp_path / "bad.fits"
    raw.write_bytes(b"bad")
    header = ExposureHeader("science", mjd, 60.0, "r", 150.0, 2.0, SECTIONS)
    exposure = store.exposures.register("simcam", header, [raw])
    clouded = {name: usual_metrics(random)[name] for name in ("preprocessing", "extraction")}
    for section in SECTIONS[:2]:
        add_section(store, exposure, section, clouded, rejected="the seeing is 12 arcsec")
    code = store.reports.register_code({"seechange-core": "1"})
    report = store.reports.start("C3", code_version_id=code, command_line="", exposure_id=exposure.id)
    store.reports.finish(report, state="failed", step="astrocal", error="ValueError: broken")
    checks = check_night(store.database, "simcam", night(5))
    assert dict(checks.states) == {"rejected": 2, "failed": 1, "not processed": 1}
    assert [one.text for one in checks.unusual[:2]] == [
        "1 section failed at astrocal: ValueError: broken",
        "2 sections rejected at extraction: the seeing is 12 arcsec",
    ]
    kind, sentence = status_of(checks)
    assert kind == "bad"
    assert "1 exposure, 4 sections: 2 rejected, 1 failed, 1 not processed" in sentence


def test_decisions_and_scores_of_an_exposure_are_counted(full_chain: Any) -> None:
    store = full_chain.store
    store.provenances.set_tag(
        "current",
        "simcam",
        {r.provenance.process: r.provenance for r in full_chain.records.values()}.values(),
    )
    exposure = store.exposures.chosen("new.fits")
    checks = check_exposure(store.database, exposure, Night.at(exposure.mjd, 0.0))
    one, other = checks.sections
    assert (one.section, one.n_peaks, one.n_flagged, one.n_deleted) == ("A", 4, 1, 1)
    assert one.decisions == {"dipole": {"flagged": 2, "deleted": 1}}
    assert (other.state, other.subtracted) == ("not processed", False)
    assert (
        next(tile for tile in tiles_of(checks) if tile.title == "candidates").usual == "1 deleted, 1 flagged"
    )


def test_command_writes_the_page_and_says_how_it_went(store: Store, tmp_path: Path) -> None:
    random = add_nights(store, tmp_path, 6)
    add_exposure(store, tmp_path, 6, 0, random, {"extraction": {"seeing_arcsec": 2.5}})
    url = store.database.url.render_as_string(hide_password=False)
    options = [f"--set=database.url={url}", f"--set=storage.root={store.files.root}"]
    output = tmp_path / "report.html"
    run = CliRunner().invoke(cli, ["report", "latest", "-o", str(output), *options])
    assert run.exit_code == 0, run.output
    assert "simcam, night of 2026-01-07: 1 exposure, 4 sections: 4 done. 1 thing is unusual." in run.output
    assert output.read_text("utf-8").startswith("<!DOCTYPE html>")
    run = CliRunner().invoke(cli, ["report", "2026-01-06", "--json", *options])
    assert '"status": "ok"' in run.output
    run = CliRunner().invoke(cli, ["report", "night06_00.fits", *options])
    assert "seeing in r" in run.output


@pytest.mark.parametrize(
    ("mjd", "longitude_deg", "name"),
    [
        (61103.99, -70.0, "2026-03-04"),
        (61104.40, -70.0, "2026-03-04"),
        (61104.20, -155.0, "2026-03-04"),
        (61104.66, -155.0, "2026-03-04"),
        (61104.37, 149.0, "2026-03-05"),
        (61104.83, 149.0, "2026-03-05"),
    ],
)
def test_night_begins_on_the_evening_at_the_telescope(mjd: float, longitude_deg: float, name: str) -> None:
    found = Night.at(mjd, longitude_deg)
    assert found.name == name
    assert found.first_mjd <= mjd < found.last_mjd
    assert Night.named(name, longitude_deg) == found
