"""`seechange provenance show|diff|tags`."""

from __future__ import annotations

import json
from pathlib import Path

import click
import yaml

from seechange_core.commands.settings import location_options, open_located
from seechange_core.commands.tables import print_rows


@click.group()
def provenance() -> None:
    """Show what made a product, compare, and list tags."""


@provenance.command()
@click.argument("identity", required=False)
@location_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(
    identity: str | None, profile_file: Path | None, assignments: tuple[str, ...], as_json: bool
) -> None:
    """Show a provenance by its id or the beginning of it; without one list all."""
    provenances = open_located(profile_file, assignments).provenances
    if identity is None:
        rows = [
            {"provenance": p.id, "process": p.process, "version": p.version} for p in provenances.listed()
        ]
        print_rows(rows, as_json=as_json, nothing="no provenances: nothing was processed yet")
        return
    found = provenances.get(identity)
    described = {
        "provenance": found.id,
        "process": found.process,
        "version": found.version,
        "parameters": dict(found.parameters),
        "upstream": dict(found.upstream),
    }
    if as_json:
        click.echo(json.dumps(described, indent=2))
        return
    components = found.parameters.get("components", {})
    # The slot that is the process's block itself has no name; in a profile it is the key use.
    described["parameters"] |= {"components": {slot or "use": used for slot, used in components.items()}}
    click.echo(yaml.safe_dump(described, sort_keys=False).rstrip())


@provenance.command()
@click.argument("first")
@click.argument("second")
@location_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def diff(
    first: str, second: str, profile_file: Path | None, assignments: tuple[str, ...], as_json: bool
) -> None:
    """Say where two provenances differ."""
    from seechange_core.provenance import differences

    provenances = open_located(profile_file, assignments).provenances
    found = differences(provenances.get(first), provenances.get(second))
    rows = [{"key": key, "first": one, "second": other} for key, one, other in found]
    print_rows(rows, as_json=as_json, nothing="no difference")


@provenance.command()
@location_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def tags(profile_file: Path | None, assignments: tuple[str, ...], as_json: bool) -> None:
    """List tags with the provenance that each names for a process of a camera."""
    named = open_located(profile_file, assignments).provenances.tags()
    rows = [
        {"tag": tag, "instrument": instrument, "process": process, "provenance": identity}
        for tag, instruments in named.items()
        for instrument, processes in instruments.items()
        for process, identity in processes.items()
    ]
    print_rows(rows, as_json=as_json, nothing="no tags: nothing was processed yet")
