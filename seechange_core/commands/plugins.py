"""`seechange plugins`."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from seechange_core.registry import PluginStatus, Registry


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plugins(as_json: bool) -> None:
    """List plugins, what they provide, and what is wrong with them."""
    found = Registry().plugins
    if as_json:
        click.echo(json.dumps([_row(status) for status in found], indent=2))
        return
    for status in found:
        state = "error" if status.error else "ok"
        click.echo(f"{status.package} {status.package_version} ({status.entry_point}): {state}")
        for kind, names in sorted(status.components.items()):
            click.echo(f"  {kind:12} {', '.join(sorted(names))}")
        if status.error:
            click.echo(f"  error        {status.error}")


def _row(status: PluginStatus) -> dict[str, object]:
    return {**asdict(status), "status": "error" if status.error else "ok"}
