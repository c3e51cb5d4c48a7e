from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from seechange_core.commands.db import db
from seechange_core.errors import StoreError
from seechange_core.store.migrations import head


def run(url: str | None, folder: Path, *arguments: str) -> Result:
    environment = {"SEECHANGE__DATABASE__URL": url, "SEECHANGE__STORAGE__ROOT": str(folder)}
    return CliRunner().invoke(db, arguments, env=environment)


def test_upgrade_says_what_it_did(empty_database_url: str, tmp_path: Path) -> None:
    before = run(empty_database_url, tmp_path, "current")
    # That of SQLite is not even there; PostgreSQL's is empty.
    assert "no tables" in before.output or "does not exist" in str(before.exception)
    first = run(empty_database_url, tmp_path, "upgrade")
    assert f"no tables -> {head()}" in first.output
    second = run(empty_database_url, tmp_path, "upgrade")
    assert "->" not in second.output
    assert head() in run(empty_database_url, tmp_path, "current").output


def test_check_of_a_sound_database(database_url: str, tmp_path: Path) -> None:
    assert run(database_url, tmp_path, "upgrade").exit_code == 0
    result = run(database_url, tmp_path, "check", "--json")
    assert json.loads(result.output) == {"revision": head(), "tables": [], "files": []}
    assert result.exit_code == 0


def test_check_of_what_is_not_there_makes_nothing(empty_database_url: str, tmp_path: Path) -> None:
    assert isinstance(run(empty_database_url, tmp_path, "check").exception, StoreError)
    assert not list(tmp_path.iterdir())


def test_check_names_orphans(database_url: str, tmp_path: Path) -> None:
    assert run(database_url, tmp_path, "upgrade").exit_code == 0
    (tmp_path / "lost.fits").write_bytes(b"")
    result = run(database_url, tmp_path, "check")
    assert result.output == f"orphan: {tmp_path / 'lost.fits'}\n"
    assert result.exit_code == 1


def test_without_an_address_the_database_is_in_the_data_folder(tmp_path: Path) -> None:
    assert run(None, tmp_path / "new" / "data", "upgrade").exit_code == 0
    assert (tmp_path / "new" / "data" / "seechange.db").is_file()


def test_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run(None, tmp_path / "file" / "data", "upgrade")
    assert isinstance(result.exception, StoreError)
    assert str(tmp_path / "file" / "data") in str(result.exception)
