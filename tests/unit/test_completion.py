from __future__ import annotations

from click.shell_completion import ShellComplete

from seechange_core.cli import cli


def test_cameras_are_completed() -> None:
    complete = ShellComplete(cli, {}, "seechange", "_SEECHANGE_COMPLETE")
    for command in ("process", "show", "doctor"):
        assert [one.value for one in complete.get_completions([command, "--instrument"], "sim")] == ["simcam"]
