from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from sqlalchemy import delete, select

from seechange_core.api import ExposureHeader, Instrument, SectionGeometry
from seechange_core.cli import cli
from seechange_core.commands.history_text import print_history
from seechange_core.errors import StoreError
from seechange_core.frames import (
    DecisionTable,
    DecisionTest,
    DetectionTable,
    Difference,
    MaskPlane,
    ScoreTable,
)
from seechange_core.models import Decisions, Image, ImageMember, Reference, row_id
from seechange_core.store.history import Finding, position_history

#: One pixel of the hand-made images is 1 arcsec; A is 70 wide and 80 high, its reference pixel (35, 40) at (150, 2).
ARCSEC = 1.0 / 3600.0
MASKED, PEAK, DELETED, FLANK, EMPTY = (5.0, 3.0), (20.0, 30.0), (50.0, 60.0), (26.0, 30.0), (40.0, 20.0)
TESTS = [
    DecisionTest("dipole", "dipole_fraction", "above", 0.6, 0.9),
    DecisionTest("narrow", "width_ratio", "below", 0.6, None),
]


class TwoSections(Instrument):
    """A camera of two sections, 60 arcsec apart."""

    sections = {
        "A": SectionGeometry("A", (80, 70)),
        "B": SectionGeometry("B", (80, 70), north_deg=140 * ARCSEC),
    }
    pixel_scale_arcsec = 1.0


def at(x: float, y: float) -> tuple[float, float]:
    """Return the sky position (deg) of a pixel of A."""
    dec = 2.0 + (y - 40.0) * ARCSEC
    return 150.0 - (x - 35.0) * ARCSEC / np.cos(np.radians(dec)), dec


def difference_of(like: Difference, variance_factor: float = 1.0) -> Difference:
    """A difference whose score is 1 everywhere but at a peak, and masked in a corner."""
    score = np.ones(like.data.shape, np.float32)
    score[30, 20:28] = 9.0
    mask = np.zeros(like.data.shape, np.uint16)
    mask[0:8, 0:10] = MaskPlane.SATURATED
    score[0:8, 0:10] = np.nan
    error = np.full(like.data.shape, 10.0 * variance_factor, np.float32)
    return replace(like, score=score, mask=mask, flux_error=error)


@pytest.fixture
def chain(new_chain: Callable[..., Any], full_chain: Any) -> Any:
    """A section whose difference has one candidate, one deleted peak, and a masked corner."""
    begun = new_chain("seen", seed=3, mjd=60100.25, n_candidates=1)
    begun.identities["reference"] = full_chain.identities["reference"]
    begun.observation = replace(begun.observation, mapping=begun.values["mapping"])
    values = begun.values
    x, y = np.array([PEAK[0], DELETED[0]]), np.array([PEAK[1], DELETED[1]])
    ra, dec = values["mapping"].pixel_to_sky(x, y)
    quantities = {"dipole_fraction": np.array([0.1, 0.95]), "width_ratio": np.array([1.0, 0.3])}
    score = np.array([9.0, -6.0])
    position = {"x": x, "y": y, "ra": ra, "dec": dec, "score": score}
    values["decisions"] = DecisionTable.of({**position, **quantities}, TESTS)
    values["difference"] = difference_of(values["difference"])
    values["detections"] = DetectionTable(values["detections"], {"threshold": 5.0})
    return begun


def history(chain: Any, pixel: tuple[float, float], **options: Any) -> list[Finding]:
    found = position_history(
        chain.store, *at(*pixel), instruments={"simcam": TwoSections}, tag="night", **options
    )
    return [finding for finding in found if finding.exposure == "seen.fits"]


def tagged(chain: Any) -> None:
    provenances = {record.provenance.process: record.provenance for record in chain.records.values()}
    chain.store.provenances.set_tag("night", "simcam", provenances.values(), replace=True)


def test_every_fate_of_a_processed_section_is_told(chain: Any) -> None:
    chain.save_through("scoring")
    tagged(chain)
    (measured,) = history(chain, PEAK)
    assert (measured.verdict, measured.section) == ("measured", "A")
    assert (measured.x, measured.y) == pytest.approx(PEAK, abs=1e-3)
    assert measured.candidate.distance_arcsec == pytest.approx(0.0, abs=1e-3)
    assert [test.verdict for test in measured.candidate.tests] == ["passed", "passed"]
    assert measured.candidate.measurement["flux_unit"] == "nJy"
    assert measured.candidate.scores[0]["scorer"] == "rbscore"
    assert "no object" in measured.summary

    (deleted,) = history(chain, DELETED)
    assert deleted.verdict == "deleted"
    assert [test.verdict for test in deleted.candidate.tests] == ["deleted", "flagged"]
    assert "dipole (dipole_fraction 0.95, limit 0.9)" in deleted.summary
    assert deleted.candidate.measurement == {}

    (empty,) = history(chain, EMPTY)
    assert empty.verdict == "below threshold"
    assert empty.depth.score == pytest.approx(1.0, abs=0.1)
    njy_per_electron = chain.values["photometry"].njy_per_electron
    assert empty.depth.limit_kind == "noise"
    assert empty.depth.limiting_flux == pytest.approx(50.0 * njy_per_electron, rel=1e-3)
    assert empty.depth.limiting_magnitude == pytest.approx(27.1 - 2.5 * np.log10(50.0), abs=1e-3)
    assert f"({empty.depth.limiting_magnitude:.2f} mag)" in empty.summary

    (flank,) = history(chain, FLANK)
    assert flank.verdict == "part of another"
    assert "6.0 arcsec away" in flank.summary

    (masked,) = history(chain, MASKED)
    assert masked.verdict == "masked"
    assert masked.depth.unusable_fraction == 1.0
    assert "SATURATED" in masked.depth.planes
    assert "at or above saturation" in masked.summary


def test_score_and_threshold_of_the_scorer_are_told(chain: Any) -> None:
    columns = {name: values[:1] for name, values in chain.values["scores"].items()}
    chain.values["scores"] = ScoreTable({**columns, "score": [0.25], "info": ['{"threshold": 0.4}']})
    chain.save_through("scoring")
    tagged(chain)
    (finding,) = history(chain, PEAK)
    assert finding.candidate.scores == (
        {"scorer": "rbscore", "version": "1.0", "score": 0.25, "threshold": 0.4},
    )
    assert "rbscore 0.250 (real from 0.4)" in finding.summary


def test_noise_around_makes_the_limit_brighter(chain: Any) -> None:
    difference = chain.values["difference"]
    random = np.random.default_rng(2)
    score = random.normal(scale=2.0, size=difference.data.shape).astype(np.float32)
    score[20, 40] = 8.0
    chain.values["difference"] = replace(difference, score=score, mask=np.zeros_like(difference.mask))
    meta = {"threshold": 6.0, "noise_block": 64, "noise_tolerance": 0.15}
    chain.values["detections"] = DetectionTable(chain.values["detections"], meta)
    chain.save_through("scoring")
    tagged(chain)
    (finding,) = history(chain, EMPTY)
    assert finding.verdict == "below threshold"
    assert finding.depth.noise == pytest.approx(2.0, rel=0.2)
    assert finding.depth.score == pytest.approx(8.0 / finding.depth.noise, rel=0.02)
    expected = 60.0 * chain.values["photometry"].njy_per_electron * finding.depth.noise
    assert finding.depth.limiting_flux == pytest.approx(expected, rel=1e-3)
    assert "6 sigma limit" in finding.summary


def test_limit_of_injected_sources_moves_with_the_noise(chain: Any, with_completeness: Any) -> None:
    chain.save_through("scoring")
    tagged(chain)
    # At the position 5 sigma are 50 electrons; in the image as a whole they are 0.3 mag fainter.
    noise = 27.1 - 2.5 * np.log10(50.0)
    with_completeness(row_id(chain.identities["difference"]), 21.7, noise + 0.3)
    (finding,) = history(chain, EMPTY)
    assert finding.depth.limit_kind == "injected"
    assert finding.depth.limiting_magnitude == pytest.approx(21.4, abs=1e-3)
    assert finding.depth.limiting_flux == pytest.approx(10 ** (0.4 * (31.4 - 21.4)), rel=1e-3)
    assert "half of the sources of" in finding.summary
    assert "(21.40 mag)" in finding.summary


def test_position_in_a_gap_is_off_the_nearest_section(chain: Any) -> None:
    chain.save_through("scoring")
    tagged(chain)
    # 20 arcsec north of A and 40 south of B, of which there is no image: its pointing says that it may cover.
    (finding,) = history(chain, (35.0, 99.5))
    assert (finding.verdict, finding.section) == ("not processed", "B")
    assert "may cover" in finding.summary
    # South of A nothing else is near.
    (finding,) = history(chain, (35.0, -700.5), exposure_id=chain.observation.exposure_id)
    assert (finding.verdict, finding.section) == ("not covered", "A")
    assert finding.outside_arcsec == pytest.approx(700.0, abs=0.1)
    assert history(chain, (35.0, -700.5)) == []


@pytest.mark.parametrize(
    ("through", "state", "error"),
    [
        ("photocal", "waiting", "no reference of this position and filter"),
        ("photocal", "failed", "ValueError: broken"),
        ("extraction", "done", ""),
    ],
)
def test_section_that_did_not_get_to_measuring_says_where_it_stopped(
    chain: Any, through: str, state: str, error: str
) -> None:
    chain.save_through(through)
    tagged(chain)
    reports = chain.store.reports
    code = reports.register_code({"seechange-core": "1"})
    key = reports.start("A", code_version_id=code, command_line="", exposure_id=chain.observation.exposure_id)
    step = "subtraction" if state != "done" else through
    reports.finish(key, state=state, step=step, error=error)
    (finding,) = history(chain, EMPTY)
    assert (finding.verdict, finding.stop.step, finding.stop.state) == ("stopped", step, state)
    assert error in finding.summary
    assert finding.depth is None


def test_member_of_a_reference_need_not_be_processed_further(chain: Any) -> None:
    chain.save_through("photocal")
    tagged(chain)
    with chain.store.database.write() as session:
        image = session.scalars(
            select(Image.id).where(Image.exposure_id == chain.observation.exposure_id)
        ).one()
        reference = session.scalars(select(Reference.image_id)).one()
        session.add(ImageMember(image_id=reference, position=9, member_id=image))
    (finding,) = history(chain, EMPTY)
    assert (finding.verdict, finding.stop.step) == ("in reference", "photocal")


def test_the_same_of_several_exposures_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    like = Finding("1", "a.fits", "simcam", "r", "A", 60100.0, "in reference", "part of a reference")
    others = [replace(like, exposure_id=name, section="B", mjd=60000.0 + n) for n, name in enumerate("23")]
    print_history([*others, like, replace(like, verdict="masked")], detailed=False, nothing="")
    lines = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    assert lines[1][:2] == ["2023-02-25 to 06-05", "3 exposures"]
    assert "A, B" in lines[1]
    assert lines[2][0] == "2023-06-05 00:00:00"
    assert "process" not in str(lines)


def test_rejection_is_told_with_its_reason(chain: Any) -> None:
    chain.save_through("preprocessing")
    record = chain.record("extraction", ("image",))
    chain.records["sources"] = record
    chain.store.products.save_rejection(record, "the seeing is 12 arcsec", {})
    tagged(chain)
    (finding,) = history(chain, EMPTY)
    assert (finding.verdict, finding.stop.step, finding.stop.state) == ("stopped", "extraction", "rejected")
    assert "the seeing is 12 arcsec" in finding.summary


def test_difference_without_detections_still_says_what_it_shows(chain: Any) -> None:
    chain.save_through("subtraction")
    tagged(chain)
    (finding,) = history(chain, EMPTY)
    assert (finding.verdict, finding.stop.step) == ("stopped", "subtraction")
    assert finding.depth.threshold is None
    assert finding.depth.limiting_magnitude is not None


def test_exposure_that_was_only_registered_may_cover(chain: Any) -> None:
    # Its pointing may be off by more than a section.
    (finding,) = history(chain, EMPTY)
    assert (finding.verdict, finding.section) == ("not processed", "A, B")
    assert finding.outside_arcsec is None


def test_footprint_of_a_header_may_be_off(chain: Any) -> None:
    chain.save_through("preprocessing")
    tagged(chain)
    (inside,) = history(chain, EMPTY)
    assert (inside.verdict, inside.section, inside.stop.step) == ("stopped", "A", "preprocessing")
    assert "may cover" in inside.summary
    beside = {one.section: one.verdict for one in history(chain, (35.0, -20.5))}
    assert beside["A"] == "stopped"
    # That far A cannot be off; of B only the pointing is known.
    (far,) = history(chain, (35.0, -100.5), exposure_id=chain.observation.exposure_id)
    assert (far.verdict, far.section) == ("not processed", "B")


def test_missing_file_of_a_difference_is_told(chain: Any) -> None:
    chain.save_through("scoring")
    tagged(chain)
    for path in chain.store.files.present():
        if "difference" in path.name:
            path.unlink()
    (finding,) = history(chain, EMPTY)
    assert finding.verdict == "unknown"
    assert "missing on this disk" in finding.summary
    assert history(chain, PEAK)[0].verdict == "measured"


def test_decisions_that_were_not_kept_are_told(chain: Any) -> None:
    chain.save_through("scoring")
    tagged(chain)
    with chain.store.database.write() as session:
        session.execute(delete(Decisions))
    (finding,) = history(chain, PEAK)
    assert finding.verdict == "unknown"
    assert finding.depth.score == pytest.approx(9.0, abs=0.1)
    assert "process again" in finding.summary


def test_source_beside_a_deleted_lobe_is_told(chain: Any) -> None:
    chain.save_through("scoring")
    tagged(chain)
    between = ((PEAK[0] + DELETED[0]) / 2 + 1.0, (PEAK[1] + DELETED[1]) / 2)
    (finding,) = history(chain, between, radius_arcsec=40.0)
    assert finding.verdict == "measured"
    (nearer,) = history(chain, (DELETED[0] - 1.0, DELETED[1]), radius_arcsec=10.0)
    assert nearer.verdict == "deleted"


def test_tag_that_mixes_runs_is_told(chain: Any) -> None:
    chain.save_through("scoring")
    tagged(chain)
    again = chain.record("astrocal", ("image", "sources"), "9.0").provenance
    chain.store.provenances.set_tag("night", "simcam", [again], replace=True)
    (finding,) = history(chain, PEAK)
    assert finding.verdict == "unknown"
    assert "several runs" in finding.summary


def test_command_prints_a_line_an_exposure_or_every_detail(chain: Any) -> None:
    chain.save_through("scoring")
    tagged(chain)
    url = chain.store.database.url.render_as_string(hide_password=False)
    options = [f"--set=database.url={url}", f"--set=storage.root={chain.store.files.root}", "--tag=night"]
    ra, dec = (str(value) for value in at(*PEAK))
    run = CliRunner().invoke(cli, ["why", ra, dec, *options])
    assert run.exit_code == 0, run.output
    assert re.search(r"seen\.fits +A +\w+ +measured +significance \+9\.0", run.output)
    run = CliRunner().invoke(cli, ["why", ra, dec, "--exposure", "seen.fits", *options])
    assert "width_ratio" in run.output
    run = CliRunner().invoke(cli, ["why", ra, dec, "--exposure", "seen.fits", "--json", *options])
    (told,) = json.loads(run.output)
    assert told["candidate"]["tests"][0]["verdict"] == "passed"
    run = CliRunner().invoke(cli, ["why", "10.0", "-45.5", *options])
    assert (run.exit_code, "comes near" in run.output) == (0, True)


def test_exposure_is_chosen_by_id_or_file_name(chain: Any, tmp_path: Path) -> None:
    exposures = chain.store.exposures
    wanted = exposures.get(chain.observation.exposure_id)
    assert exposures.chosen(str(wanted.id)).id == exposures.chosen("seen.fits").id == wanted.id
    with pytest.raises(StoreError, match=r"no exposure has a file called 'other.fits'"):
        exposures.chosen("other.fits")
    twin = tmp_path / "elsewhere" / "seen.fits"
    twin.parent.mkdir()
    twin.write_bytes(b"other")
    exposures.register("simcam", ExposureHeader("science", 60101.0, 30.0, "r", 150.0, 2.0, ("A",)), [twin])
    with pytest.raises(StoreError, match=r"2 exposures have a file called 'seen.fits'"):
        exposures.chosen("seen.fits")
