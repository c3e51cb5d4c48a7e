"""What `seechange doctor` finds, and what it says to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from seechange_core.api import CatalogRegion
from seechange_core.builtin.catalog_file import FileCatalog
from seechange_core.cli import cli
from seechange_core.errors import InputError


def findings(*options: str) -> tuple[dict[str, dict[str, str]], int]:
    run = CliRunner().invoke(cli, ["doctor", "--json", *options])
    return {found["subject"]: found for found in json.loads(run.output)}, run.exit_code


def test_all_is_well_and_nothing_is_changed(tmp_path: Path) -> None:
    found, status = findings(
        "--instrument=simcam", "--offline", f"--set=storage.root={tmp_path / 'data'}", "--set=runner.jobs=1"
    )
    assert {one["state"] for subject, one in found.items() if subject != "storage.root"} == {"ok"}
    assert found["storage.root"]["state"] != "problem"
    assert status == 0
    assert list(tmp_path.iterdir()) == []


def test_without_a_camera_the_data_folder_is_checked_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEECHANGE_CONFIG", raising=False)
    found, status = findings(f"--set=storage.root={tmp_path / 'data'}", "--offline")
    assert found["profile"]["state"] == "warning"
    assert "--instrument simcam" in found["profile"]["remedy"]
    assert found["database"]["state"] == "ok"
    assert str(tmp_path / "data") in found["storage.root"]["message"]
    assert status == 0


def test_a_profile_that_cannot_be_read_is_a_problem() -> None:
    found, status = findings("--instrument=simcm", "--offline")
    assert found["profile"]["state"] == "problem"
    assert "machine" not in found
    assert "did you mean simcam" in found["profile"]["message"]
    assert status == 1


def test_a_folder_below_a_file_and_too_many_jobs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    found, status = findings(
        "--instrument=simcam",
        "--offline",
        f"--set=storage.root={tmp_path / 'file' / 'data'}",
        "--set=runner.jobs=1024",
    )
    assert "cannot be written" in found["storage.root"]["message"]
    assert "--set storage.root=FOLDER" in found["storage.root"]["remedy"]
    assert "runner.jobs=" in found["machine"]["remedy"]
    assert status == 1


def test_tables_of_another_version_have_to_be_upgraded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--instrument=simcam", "--offline", f"--set=storage.root={tmp_path}")
    assert CliRunner().invoke(cli, ["db", "upgrade", options[-1]]).exit_code == 0
    assert findings(*options)[0]["database"]["state"] == "ok"
    monkeypatch.setattr("seechange_core.store.migrations.head", lambda: "9999")
    found, status = findings(*options)
    assert found["database"]["remedy"] == "run 'seechange db upgrade'"
    assert status == 1


@pytest.mark.parametrize("works", [True, False])
def test_a_catalogue_is_asked(works: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[CatalogRegion] = []

    class Stars:
        n_rows = 7

    def fetch(self: FileCatalog, region: CatalogRegion) -> Stars:
        asked.append(region)
        if not works:
            raise InputError("the catalogue is gone")
        return Stars()

    monkeypatch.setattr(FileCatalog, "fetch", fetch)
    options = [
        option
        for process in ("astrocal", "photocal")
        for option in (f"--set={process}.catalog.use=file", f"--set={process}.catalog.file.path=stars.fits")
    ]
    found, status = findings("--instrument=simcam", f"--set=storage.root={tmp_path}", *options)
    assert len(asked) == 1
    assert found["catalogue file"]["state"] == ("ok" if works else "problem")
    assert status == (0 if works else 1)
