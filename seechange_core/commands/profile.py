"""`seechange profile new|show|list|check|schema`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import yaml

from seechange_core.commands.settings import profile_options, read_profile
from seechange_core.commands.tables import print_rows
from seechange_core.errors import InputError
from seechange_core.params import Slot
from seechange_core.registry import Registry


@click.group()
def profile() -> None:
    """Write, show, list and check configurations.

    A profile is YAML. Its layers, from weak to strong: the core's defaults, the camera's packaged profile, your file
    (--profile or SEECHANGE_CONFIG), the environment (SEECHANGE__DETECTION__THRESHOLD=5.5), and
    --set detection.threshold=5.5.
    """


@profile.command()
@click.argument("name")
@click.option("--instrument", required=True, help="Camera; 'seechange plugins' lists them.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="File to write (default: NAME.yaml); - prints it."
)
def new(name: str, instrument: str, output: Path | None) -> None:
    """Write a profile for a survey called NAME, with every parameter that there is.

    Each is commented out, with its meaning, unit, bounds, and the value that it has for this camera, whatever your
    environment says at present.
    """
    from seechange_core.profile import commented_profile

    text = commented_profile(
        read_profile(None, instrument, (), environment={}),
        f"Profile of the survey {name}, with the camera {instrument}.",
    )
    path = output or Path(f"{name}.yaml")
    if str(path) == "-":
        click.echo(text, nl=False)
        return
    if path.exists():
        raise InputError(f"{path} exists already; name another file with -o, or remove it first")
    path.write_text(text, encoding="utf-8")
    click.echo(f"{path} written; use it with --profile {path}, or export SEECHANGE_CONFIG={path}")


@profile.command()
@profile_options
@click.option("--explain", is_flag=True, help="Say for each value which layer it came from.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(
    profile_file: Path | None, instrument: str, assignments: tuple[str, ...], explain: bool, as_json: bool
) -> None:
    """Print every value in use."""
    values = read_profile(profile_file, instrument, assignments).values()
    if as_json:
        click.echo(
            json.dumps([{"key": key, "value": value, "source": source} for key, value, source in values])
        )
        return
    if explain:
        width = max(len(f"{key}: {_inline(value)}") for key, value, _ in values)
        for key, value, source in values:
            click.echo(f"{f'{key}: {_inline(value)}':{min(width, 70)}}  # {source}")
        return
    nested: dict[str, object] = {}
    for key, value, _ in values:
        block = nested
        *parents, last = (part.strip('"') for part in re.findall(r'"[^"]*"|[^.]+', key))
        for parent in parents:
            block = block.setdefault(parent, {})  # type: ignore[assignment]
        block[last] = value
    click.echo(yaml.safe_dump(nested, sort_keys=False, default_flow_style=None).rstrip())


@profile.command(name="list")
def list_() -> None:
    """List the profiles that come with installed cameras."""
    for name, instrument in Registry().components("instrument").items():
        about = (instrument.__doc__ or "").strip().partition("\n")[0].replace("``", "")
        click.echo(f"{name:12} {about}")


@profile.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@profile_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON: the components.")
def check(
    file: Path | None,
    profile_file: Path | None,
    instrument: str,
    assignments: tuple[str, ...],
    as_json: bool,
) -> None:
    """Check a profile, and list the components that it would use, with their versions and packages.

    FILE is the profile, as with --profile. If something is wrong, all of it is printed at once, with file and key, and
    the exit status is 2.
    """
    if file is not None and profile_file is not None:
        raise click.UsageError("name the profile once: as FILE or with --profile")
    checked = read_profile(file or profile_file, instrument, assignments)
    if not as_json:
        click.echo(f"The profile of {checked.instrument().name} is valid. It uses:\n")
    print_rows(list(_components(checked)), as_json=as_json, nothing="no components")


@profile.command()
def schema() -> None:
    """Print the JSON schema of a profile, for editors."""
    from seechange_core.pipeline import process_schemas
    from seechange_core.profile import profile_model

    click.echo(json.dumps(profile_model(Registry(), process_schemas()).model_json_schema(), indent=2))


def _components(checked: Any) -> Iterator[dict[str, str]]:
    """Yield what a profile uses, those of branches behind the conditions under which they are taken."""

    def row(where: str, slot: Any, component: Any) -> dict[str, str]:
        package, version = checked.registry.package_of(slot.kind, component.name, slot.stage)
        about = {"component": component.name, "version": component.version}
        return {"in": where, **about, "package": package, "package_version": version}

    yield row("instrument", Slot(kind="instrument"), checked.instrument())
    for schema in checked.processes:
        of_branches = [
            (f" when {branch.condition}", branch.components) for branch in checked.branches(schema.process)
        ]
        for condition, by_slot in [("", checked.components(schema.process)), *of_branches]:
            for slot in schema.slots:
                where = ".".join(part for part in (schema.process, slot.name) if part) + condition
                for component in by_slot[slot.name]:
                    yield row(where, slot, component)


def _inline(value: object) -> str:
    return json.dumps(value, default=str)
