"""What the documentation says must be so: its commands exist, its profiles are valid, its links lead somewhere."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from seechange_core.cli import cli
from seechange_core.pipeline import process_schemas
from seechange_core.profile import load_profile
from seechange_core.registry import Registry

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path
    for pattern in ("README.md", "docs/*.md", "docs/how-to/*.md", "plugins/*/README.md")
    for path in ROOT.glob(pattern)
)
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def blocks(path: Path, language: str) -> Iterator[str]:
    return (text for name, text in FENCED.findall(path.read_text("utf-8")) if name == language)


def command_lines(path: Path) -> Iterator[str]:
    """Yield every line that begins with the program's name, in a console, a shell script or an indented block."""
    text = re.sub(r"\\\n *", " ", path.read_text("utf-8"))
    for line in text.splitlines():
        found = re.match(r"(?:\$ |    )?(seechange .*)", line)
        if found and "`" not in line:
            # In lists of commands an explanation follows after some space; the shell's part is not ours.
            yield re.split(r" {3,}| > ", found[1])[0]


def label(value: object) -> str:
    return str(value.relative_to(ROOT)) if isinstance(value, Path) else str(value)[:60]


COMMANDS = [(path, line) for path in DOCUMENTS for line in command_lines(path)]
PROFILES = [(path, text) for path in DOCUMENTS for text in blocks(path, "yaml")]


def test_there_is_something_to_test() -> None:
    assert len(COMMANDS) > 40
    assert len(PROFILES) > 10


@pytest.mark.parametrize(("path", "line"), COMMANDS, ids=label)
def test_command_lines_can_be_parsed(path: Path, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The files that they name are not there.
    monkeypatch.setattr(click.Path, "convert", lambda self, value, param, context: Path(value))
    name, *arguments = shlex.split(line)
    context, command = click.Context(cli, info_name=name), cli
    while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        name = arguments.pop(0)
        found = command.get_command(context, name)
        assert found is not None, f"no command is called {name}"
        command = found
    if "--help" in arguments:
        return
    parsed = command.make_context(name, arguments, parent=context)
    if parsed.params.get("assignments"):
        load_profile(
            Registry(),
            process_schemas(),
            instrument="simcam",
            assignments=parsed.params["assignments"],
            environment={},
        )


@pytest.mark.parametrize(("path", "text"), PROFILES, ids=label)
def test_profiles_are_valid(path: Path, text: str, tmp_path: Path) -> None:
    file = tmp_path / "profile.yaml"
    file.write_text(text)
    instrument = "" if "instrument:" in text else "simcam"
    load_profile(Registry(), process_schemas(), file=file, instrument=instrument, environment={})


@pytest.mark.parametrize("path", DOCUMENTS, ids=label)
def test_links_lead_somewhere(path: Path) -> None:
    prose = FENCED.sub("", path.read_text("utf-8"))
    for target in LINK.findall(prose):
        if target.startswith(("https://", "http://")):
            continue
        file, _, anchor = target.partition("#")
        linked = (path.parent / file).resolve() if file else path
        assert linked.exists(), f"{target}: there is no such file"
        assert not anchor or anchor in headings(linked), f"{target}: there is no such heading"


def headings(path: Path) -> set[str]:
    found = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in found}


@pytest.mark.parametrize("name", ["zogy", "alardlupton", "sfft"])
def test_readme_of_a_subtractor_lists_its_parameters(name: str) -> None:
    _, _, listed = (ROOT / f"plugins/{name}/README.md").read_text("utf-8").partition("## Parameters")
    parameters = Registry().component("subtractor", name).Params.model_fields
    assert sorted(re.findall(r"^\| `(\w+)` \|", listed, re.MULTILINE)) == sorted(parameters)


def test_every_parameter_of_a_process_is_described() -> None:
    lacking = [
        f"{schema.process}.{name}"
        for schema in process_schemas()
        for name, info in schema.params.model_fields.items()
        if not info.description
    ]
    assert lacking == []
