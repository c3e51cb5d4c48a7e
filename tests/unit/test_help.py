"""What `--help` says: an example of every command, which can be parsed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from seechange_core.cli import COMMANDS, cli
from seechange_core.commands.examples import EXAMPLES


def commands(group: click.Group, context: click.Context, path: str) -> Iterator[tuple[str, click.Command]]:
    for name in group.commands or COMMANDS:
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, context, f"{path} {name}")
        else:
            yield f"{path} {name}".strip(), command


LEAVES = dict(commands(cli, click.Context(cli), ""))


@pytest.mark.parametrize("path", LEAVES)
def test_every_command_shows_an_example(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(click.Path, "convert", lambda self, value, param, context: Path(value))
    command = LEAVES[path]
    text = command.get_help(click.Context(command, info_name=path, terminal_width=200))
    examples = re.findall(rf"^ +(?:\w+ +)?(seechange {path} .*|seechange {path})$", text, re.MULTILINE)
    assert examples
    for example in examples:
        words = shlex.split(example.partition(" > ")[0])[1 + len(path.split()) :]
        command.make_context(path, words)


def test_every_example_is_of_a_command() -> None:
    assert set(EXAMPLES) <= set(LEAVES)


def test_every_file_is_written_with_the_same_option() -> None:
    for path, command in LEAVES.items():
        for option in command.params:
            if "--out" in option.opts:
                assert "--output" in option.opts, path
