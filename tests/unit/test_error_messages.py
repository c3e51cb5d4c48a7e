"""Errors of the program say what, where, and what to do, and never show a traceback."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from seechange_core.cli import cli, main
from seechange_core.commands.output_files import unwritten


def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    monkeypatch.setattr("sys.argv", ["seechange", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    return capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    said = refused(
        monkeypatch, capsys, "new-plugin", "scorer", "x1", "--output", str(tmp_path / "file" / "x")
    )
    assert said.startswith(f"Error: {tmp_path / 'file'}")
    assert "cannot be written: Not a directory; name another folder" in said


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOENT, "make the folder /far first, or name another"),
        (errno.EACCES, "name another folder, or change the rights of /far"),
        (errno.EEXIST, "name another, or remove it first"),
        (errno.ENOSPC, "name another folder, or make room"),
    ],
)
def test_what_cannot_be_written_comes_with_advice(number: int, advice: str) -> None:
    error = OSError(number, os.strerror(number), "/far/a.png")
    assert str(unwritten(Path("/far/a.png"), error)) == (
        f"/far/a.png cannot be written: {os.strerror(number)}; {advice}"
    )


def test_a_misspelt_command_is_guessed() -> None:
    assert "Did you mean 'show'?" in CliRunner().invoke(cli, ["shwo"]).output


def test_what_is_no_fits_is_said_without_advice_on_other_programs(tmp_path: Path) -> None:
    path = tmp_path / "text.fits"
    path.write_text("hello")
    error = str(CliRunner().invoke(cli, ["subtract", str(path), str(path)]).exception)
    assert "text.fits cannot be read as FITS" in error
    assert "ignore_missing" not in error
