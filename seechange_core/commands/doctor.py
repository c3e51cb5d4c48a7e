"""`seechange doctor`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from seechange_core.commands.settings import profile_options, read_profile

_COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}


@click.command()
@profile_options
@click.option("--offline", is_flag=True, help="Do not ask star catalogues.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def doctor(
    context: click.Context,
    profile_file: Path | None,
    instrument: str,
    assignments: tuple[str, ...],
    offline: bool,
    as_json: bool,
) -> None:
    """Check that this machine and this profile are ready to work, and say what to do where not.

    Looks at versions, plugins, the profile, the database and its tables, the folders and the room in them, cores and
    memory against the number of jobs, and whether the star catalogues answer. Without a camera (--instrument, or in the
    profile) only the machine and the data folder. Nothing is changed. The exit status is 1 if there is a problem.

    \b
    Examples:
      seechange doctor
      seechange doctor --instrument decam --set storage.root=/data/survey
    """  # noqa: D301 - click keeps the lines of a paragraph that begins with a backspace
    from seechange_core.profile import load_locations
    from seechange_core.runner.diagnosis import PROBLEM, diagnose

    findings = []
    for finding in diagnose(
        lambda: read_profile(profile_file, instrument, assignments),
        lambda: load_locations(profile_file, assignments),
        offline=offline,
    ):
        findings.append(finding)
        if not as_json:
            state = click.style(f"{finding.state:8}", fg=_COLOURS[finding.state])
            click.echo(f"{state} {finding.subject}: {finding.message}")
            if finding.remedy:
                click.echo(f"         -> {finding.remedy}")
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    context.exit(int(any(finding.state == PROBLEM for finding in findings)))
