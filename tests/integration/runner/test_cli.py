"""The commands, as people type them, on a survey with one processed exposure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from click.testing import CliRunner, Result
from pyarrow import parquet

from seechange_core.cli import COMMANDS, cli, main
from seechange_core.errors import ProfileError, SeeChangeError, StoreError
from seechange_core.models import Image, Measurements, Object, Product
from seechange_core.pipeline import EXPOSURE_CHAIN
from seechange_core.store.migrations import migrations_folder

PROCESSES = [step.process for step in EXPOSURE_CHAIN]


@pytest.fixture
def run(processed: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command of `seechange` on the processed survey: ``run("show", "images")``."""
    for assignment in processed.assignments:
        key, _, value = assignment.partition("=")
        monkeypatch.setenv(f"SEECHANGE__{key.upper().replace('.', '__')}", value)
    return lambda *arguments: CliRunner().invoke(cli, [str(argument) for argument in arguments])


def rows(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def commands(group: Any, *path: str) -> Iterator[tuple[str, ...]]:
    yield path
    for name in getattr(group, "commands", {}):
        yield from commands(group.commands[name], *path, name)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    command = cli.get_command(None, name)  # type: ignore[arg-type]
    for path in commands(command, name):
        result = CliRunner().invoke(cli, [*path, "--help"])
        assert result.exit_code == 0
        usage, _, text = result.output.partition("\n\n")
        assert usage.startswith("Usage:")
        assert text.strip().split("\n")[0].strip().endswith((".", ",")) or len(text.split()) > 5, path
        undocumented = [option.name for option in _options(command, path) if not option.help]
        assert undocumented == [], path


def _options(command: Any, path: tuple[str, ...]) -> list[Any]:
    for name in path[1:]:
        command = command.commands[name]
    return [parameter for parameter in command.params if parameter.param_type_name == "option"]


def test_process_tells_machines_what_happened(run: Callable[..., Result], processed: Any) -> None:
    arguments = ("process", "--instrument", "simcam", "--sections", "C1", "--jobs", "1", "--json")
    found = rows(run(*arguments, processed.files.new[0]))
    assert found["left_behind"] == []
    (report,) = found["sections"]
    assert (report["exposure"], report["section"]) == (processed.files.new[0].name, "C1")
    assert (report["state"], report["step"], report["reason"]) == ("done", "association", "")
    assert [step["process"] for step in report["steps"]] == PROCESSES
    assert not any(step["made"] for step in report["steps"])
    assert report["peak_memory_mb"] > 0
    assert report["seconds"] == pytest.approx(sum(step["seconds"] for step in report["steps"]))
    assert report["steps"][1]["metrics"]["n_sources"] > 100


def test_process_tells_people_what_happened(run: Callable[..., Result], processed: Any) -> None:
    result = run(
        "process", "--instrument", "simcam", "--sections", "C1,C9", "--jobs", "1", processed.files.new[0]
    )
    assert result.exit_code == 1
    assert "no section is called C9; there are C1, C2" in result.output


def test_dry_run_shows_what_exists_and_what_is_to_do(run: Callable[..., Result], processed: Any) -> None:
    arguments = ("process", "--instrument", "simcam", "--dry-run", processed.files.new[0])
    before = processed.contents()
    planned = rows(run(*arguments, "--json"))
    assert [(row["section"], row["step"]) for row in planned] == [
        (section, process) for section in ("C1", "C2") for process in PROCESSES
    ]
    made = {row.identity for row in processed.rows(Product)}
    assert {row["state"] for row in planned if row["section"] == "C1"} == {"done"}
    assert {row["product"] for row in planned if row["section"] == "C1"} <= made
    assert {(row["state"], row["product"]) for row in planned if row["section"] == "C2"} == {("to do", "")}
    text = run(*arguments).output
    assert text.splitlines()[0].split() == list(planned[0])
    assert "zogy 1." in text
    assert planned[0]["provenance"] in text
    assert processed.contents() == before


def test_dry_run_follows_products_as_far_as_they_are_bound(
    run: Callable[..., Result], processed: Any
) -> None:
    arguments = ("process", "--instrument", "simcam", "--dry-run", "--json", "--sections", "C1")
    planned = rows(run(*arguments, "--set", "detection.threshold=6", processed.files.new[0]))
    states = {row["step"]: row["state"] for row in planned}
    assert states == {process: "to do" if PROCESSES.index(process) > 4 else "done" for process in PROCESSES}
    # Up to the step that looks up what is near, nothing asks for anything else, so identities are known.
    known = [row["step"] for row in planned if row["product"]]
    assert known == PROCESSES[: PROCESSES.index("surroundings")]


def test_dry_run_of_a_broken_file_says_so(run: Callable[..., Result], tmp_path: Path) -> None:
    broken = tmp_path / "simcam_20260301_099.fits"
    broken.write_bytes(b"SIMPLE")
    result = run("process", "--instrument", "simcam", "--dry-run", broken)
    assert result.exit_code == 1
    assert str(broken) in result.output


def test_tag_other_than_current_does_not_move(run: Callable[..., Result], processed: Any) -> None:
    base = ("process", "--instrument", "simcam", "--sections", "C1", "--jobs", "1", "--tag", "dr1")
    assert run(*base, "--through", "photocal", processed.files.new[0]).exit_code == 0
    moved = run(*base, "--set", "photocal.magnitude_limit=19", processed.files.new[0])
    assert isinstance(moved.exception, SeeChangeError), moved.output
    assert "'dr1' names provenance" in str(moved.exception)
    tagged = {
        row["process"]: row["provenance"]
        for row in rows(run("provenance", "tags", "--json"))
        if row["tag"] == "dr1"
    }
    assert list(tagged) == sorted(PROCESSES[:4])


def test_what_is_wrong_with_the_command_is_said_before_anything_runs(
    run: Callable[..., Result], processed: Any, tmp_path: Path
) -> None:
    exposure = processed.files.new[0]
    nothing = run("process", "--instrument", "simcam")
    assert nothing.exit_code == 2
    unknown = run("process", "--instrument", "simcam", "--through", "photcal", exposure)
    assert "the steps are preprocessing, extraction" in str(unknown.exception)
    missing = run("process", "--instrument", "simcam", "--profile", tmp_path / "none.yaml", exposure)
    assert str(tmp_path / "none.yaml") in str(missing.exception)
    unreadable = tmp_path / "unreadable.yaml"
    unreadable.write_bytes(b"detection: [\xff")
    refused = run("process", "--instrument", "simcam", "--profile", unreadable, exposure)
    assert isinstance(refused.exception, SeeChangeError)
    assert str(unreadable) in str(refused.exception)


def test_profile(run: Callable[..., Result]) -> None:
    shown = run("profile", "show", "--instrument", "simcam", "--explain", "--set", "detection.threshold=6")
    assert "detection.threshold: 6.0" in shown.output
    line = next(line for line in shown.output.splitlines() if "detection.threshold" in line)
    assert line.endswith("# --set")
    assert "simcam" in run("profile", "list").output
    assert run("profile", "check", "--instrument", "simcam").output.startswith(
        "The profile of simcam is valid."
    )
    wrong = run("profile", "check", "--instrument", "simcam", "--set", "detection.treshold=6")
    assert "did you mean detection.threshold?" in str(wrong.exception)
    assert "detection" in rows(run("profile", "schema"))["properties"]


def test_provenance(run: Callable[..., Result]) -> None:
    listed = rows(run("provenance", "show", "--json"))
    detections = [row["provenance"] for row in listed if row["process"] == "detection"]
    assert len(detections) == 1
    shown = rows(run("provenance", "show", detections[0], "--json"))
    assert shown["parameters"]["step"]["threshold"] == 5.0
    scoring = next(row["provenance"] for row in listed if row["process"] == "scoring")
    assert "process" in run("provenance", "diff", detections[0], scoring).output
    assert run("provenance", "diff", scoring, scoring).output == "no difference\n"
    tagged = rows(run("provenance", "tags", "--json"))
    assert {row["process"] for row in tagged if row["tag"] == "current"} >= set(PROCESSES)


def test_show(run: Callable[..., Result], processed: Any) -> None:
    found = {
        kind: rows(run("show", kind, "--json", "--limit", "1000"))
        for kind in ("exposures", "images", "detections", "objects")
    }
    assert len(found["images"]) == len(processed.rows(Image))
    assert len(found["detections"]) == len(processed.rows(Measurements))
    assert {row["name"] for row in found["objects"]} == {row.name for row in processed.rows(Object)}
    assert "done" in run("show", "exposures").output


def test_plot(run: Callable[..., Result], processed: Any, tmp_path: Path) -> None:
    science = next(
        row for row in processed.rows(Image) if not row.is_difference and not row.is_coadd and row.mjd > 61100
    )
    for kind, what in (
        ("image", science.id),
        ("astrometry", science.id),
        ("difference", science.id),
        ("stamps", science.id),
    ):
        output = tmp_path / f"{kind}.png"
        result = run("plot", kind, what, "-o", output)
        assert result.exit_code == 0, result.exception
        assert output.read_bytes().startswith(b"\x89PNG")
    difference = next(row for row in processed.rows(Image) if row.is_difference)
    for kind in ("image", "difference", "stamps"):
        assert run("plot", kind, difference.id, "-o", tmp_path / f"{kind}.pdf").exit_code == 0


def test_light_curve_of_what_was_detected_and_forced(run: Callable[..., Result], tmp_path: Path) -> None:
    name = max(rows(run("show", "objects", "--json")), key=lambda row: row["n_measurements"])["name"]
    detected = run("lightcurve", name, "--plot", tmp_path / "curve.png").stdout.splitlines()
    assert detected[0].startswith("mjd,bjd_tdb,filter,flux,")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    for file_format in ("ecsv", "parquet"):
        output = tmp_path / f"curve.{file_format}"
        result = run("lightcurve", name, "--forced", "--format", file_format, "-o", output)
        assert result.exit_code == 0, result.exception
    forced, same = Table.read(tmp_path / "curve.ecsv"), parquet.read_table(tmp_path / "curve.parquet")
    assert len(forced) == same.num_rows >= len(detected) - 1
    assert same.column("flux").to_pylist() == forced["flux"].tolist()
    assert str(forced["flux"].unit) == same.schema.field("flux").metadata[b"unit"].decode() == "nJy"
    assert np.all(np.abs(forced["bjd_tdb"] - forced["mjd"] - 2400000.5) < 0.007)
    result = run("lightcurve", "nobody")
    assert "no object is called 'nobody'" in str(result.exception)
    result = run("lightcurve", name, "--forced", "--tag", "none")
    assert "nothing was subtracted under the tag 'none'" in str(result.exception)


@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"])
def test_object(
    processed: Any, copied: Callable[[Any], Any], run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    survey = copied(processed)
    monkeypatch.setenv("SEECHANGE__DATABASE__URL", survey.url)
    first, second, *_ = rows(run("show", "objects", "--json"))
    assert run("object", "classify", first["name"], "--as", "SN Ia", "--flag", "transient").exit_code == 0
    shown = rows(run("object", "show", first["name"], "--json"))
    assert shown["is"] == "SN Ia, transient"
    assert run("object", "merge", first["name"], second["name"]).exit_code == 0
    merged = rows(run("object", "show", second["name"], "--json"))
    assert merged["name"] == first["name"]
    own = [row["id"] for row in shown["measurements"]]
    (theirs,) = [row["id"] for row in merged["measurements"] if row["id"] not in own][:1]
    assert run("object", "split", first["name"], theirs).output.startswith(f"{first['name']}-2 ")
    assert first["name"] in run("object", "show", first["name"]).output
    versions = rows(run("object", "show", first["name"], "--all-versions", "--json"))["measurements"]
    assert [row["id"] for row in versions] == [row["id"] for row in shown["measurements"]]
    assert {row["tags"] for row in versions} == {"current"}
    assert "no tag 'none'" in str(run("show", "detections", "--tag", "none").exception)


def test_export(run: Callable[..., Result], processed: Any, tmp_path: Path) -> None:
    science = next(
        row for row in processed.rows(Image) if not row.is_difference and not row.is_coadd and row.mjd > 61100
    )
    output = tmp_path / "image.fits"
    assert run("export", science.id, "-o", output, "--distortion", "tpv").exit_code == 0
    header = fits.getheader(output)
    assert header["CTYPE1"] in {"RA---TPV", "RA---TAN"}
    assert header["MAGZERO"] > 20.0
    # Another survey: other tests share this one.
    elsewhere = [f"--set=storage.root={tmp_path}", f"--set=database.url=sqlite:///{tmp_path / 'again.db'}"]
    taken = run("process", "--instrument", "fits", "--through", "extraction", *elsewhere, output)
    assert taken.exit_code == 0, taken.output
    again = run("export", science.id, "-o", output)
    assert "cannot be written: File exists" in str(again.exception)
    difference = next(row for row in processed.rows(Image) if row.is_difference)
    result = run("export", difference.id, "-o", tmp_path / "difference.fits")
    assert "there is no image" in str(result.exception)


def test_delete_can_be_tried(run: Callable[..., Result], processed: Any) -> None:
    before = processed.contents()
    science = next(row for row in rows(run("show", "exposures", "--json")) if row["mjd"] > 61100)
    result = run("delete", science["id"], "--dry-run")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()[:-1]] == sorted(PROCESSES)
    assert result.output.splitlines()[-1].startswith("would delete 10 products")
    assert processed.contents() == before


def test_db(run: Callable[..., Result]) -> None:
    assert run("db", "upgrade").exit_code == 0
    assert run("db", "current").output.split()[-1] == max(
        path.name[:4] for path in migrations_folder().joinpath("versions").glob("[0-9]*.py")
    )
    checked = run("db", "check", "--checksums")
    assert checked.exit_code == 0, checked.output
    assert "tables and files are as they should be" in checked.output


def test_plugins(run: Callable[..., Result]) -> None:
    listed = {row["package"]: row for row in rows(run("plugins", "--json"))}
    assert listed["seechange-core"]["status"] == "ok"
    assert "simcam" in listed["seechange-core"]["components"]["instrument"]


def test_selections_that_do_not_apply_are_refused(run: Callable[..., Result]) -> None:
    no_instrument = run("show", "objects", "--instrument", "simcam")
    assert "objects have no instrument" in str(no_instrument.exception)
    assert run("show", "objects", "--cone", "10", "95", "1").exit_code == 2
    assert "nothing with these ids" in str(run("delete", "--yes", str(UUID(int=0))).exception)


@pytest.mark.parametrize(("error", "status"), [(ProfileError(["wrong"]), 2), (StoreError("no space"), 1)])
def test_only_a_wrong_command_or_profile_exits_with_2(
    error: SeeChangeError, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr("seechange_core.cli.cli", fail)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == status
    assert str(error) in capsys.readouterr().err
