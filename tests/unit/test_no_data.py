"""Where there are no data, commands that only look at them say so and make nothing."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner

from seechange_core.cli import cli
from seechange_core.errors import StoreError

NOTHING = str(UUID(int=0))


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("SEECHANGE_CONFIG", "SEECHANGE__STORAGE__ROOT", "SEECHANGE__DATABASE__URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        "show objects",
        "object show SC2026a",
        "lightcurve SC2026a",
        "report 2026-03-01",
        "why 150 2",
        "fakes show",
        "provenance tags",
        "reference list",
        "calibration list",
        f"plot image {NOTHING} -o image.png",
        f"export {NOTHING} -o image.fits",
        f"delete {NOTHING} --yes",
        "db check",
        "db current",
    ],
)
def test_commands_that_look_at_data_make_none(command: str, empty_folder: Path) -> None:
    result = CliRunner().invoke(cli, command.split())
    assert isinstance(result.exception, StoreError), result.output
    told = str(result.exception)
    assert f"{empty_folder / 'seechange-data' / 'seechange.db'} does not exist" in told
    assert "--set storage.root=FOLDER" in told
    assert "seechange profile new" in told
    assert list(empty_folder.iterdir()) == []


def test_database_that_is_named_is_what_must_exist(empty_folder: Path) -> None:
    result = CliRunner().invoke(cli, ["show", "images", "--set", "database.url=sqlite:///survey.db"])
    assert f"{empty_folder / 'survey.db'} does not exist" in str(result.exception)


def test_tables_can_be_made_beforehand(empty_folder: Path) -> None:
    assert CliRunner().invoke(cli, ["db", "upgrade"]).exit_code == 0
    shown = CliRunner().invoke(cli, ["show", "images"])
    assert shown.exit_code == 0, shown.output
    assert shown.output.startswith("no")
