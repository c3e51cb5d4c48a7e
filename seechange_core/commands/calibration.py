"""`seechange calibration build|list`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from seechange_core.commands.settings import location_options, open_located, profile_options, read_profile
from seechange_core.commands.tables import print_rows
from seechange_core.errors import StoreError


@click.group()
def calibration() -> None:
    """Make bias and flat frames known, and list them."""


@calibration.command()
@click.argument("kind", type=click.Choice(["bias", "flat"]))
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@profile_options
@click.option("--valid-from", type=float, metavar="MJD", help="First time at which it may be used.")
@click.option("--valid-to", type=float, metavar="MJD", help="Time from which it may not be used any more.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def build(
    kind: str,
    files: tuple[Path, ...],
    profile_file: Path | None,
    instrument: str,
    assignments: tuple[str, ...],
    valid_from: float | None,
    valid_to: float | None,
    as_json: bool,
) -> None:
    """Combine raw exposures into calibration frames.

    Each section gets a frame; of flats, each section and filter. FILES are exposures of that kind, or folders that
    are searched for them. Build the bias before the flat.
    """
    from seechange_core.runner.calibration_frames import build_calibrations
    from seechange_core.runner.exposure_files import collect
    from seechange_core.runner.services import Services

    services = Services.of(read_profile(profile_file, instrument, assignments))
    exposures, problems = collect(services.instrument, files, kind)
    if problems:
        raise click.UsageError("\n".join(problems.values()))
    built = build_calibrations(services, kind, exposures, valid_from_mjd=valid_from, valid_to_mjd=valid_to)
    if as_json:
        click.echo(json.dumps([asdict(frame) for frame in built], indent=2))
        return
    for frame in built:
        what = " ".join(part for part in (frame.kind, frame.section, frame.filter) if part)
        click.echo(f"{what} of {frame.n_exposures} exposures: {frame.identity}")


@calibration.command(name="list")
@location_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(profile_file: Path | None, assignments: tuple[str, ...], as_json: bool) -> None:
    """List calibration frames with the time in which they are valid."""
    rows = [
        {
            "instrument": row.instrument,
            "kind": row.kind,
            "section": row.section,
            "filter": row.filter,
            "valid_from_mjd": row.valid_from_mjd,
            "valid_to_mjd": row.valid_to_mjd,
            "identity": identity,
        }
        for identity, row in open_located(profile_file, assignments).calibrations.listed()
    ]
    print_rows(
        rows, as_json=as_json, nothing="no calibration frames: 'seechange calibration build' makes them"
    )


@calibration.command()
@location_options
@click.argument("identity")
def retire(profile_file: Path | None, assignments: tuple[str, ...], identity: str) -> None:
    """Use a calibration frame no more.

    What was made with it stays. IDENTITY is what 'seechange calibration list' shows.
    """
    store = open_located(profile_file, assignments)
    if not store.calibrations.has(identity):
        raise StoreError(
            f"there is no calibration frame {identity}; 'seechange calibration list' shows what is"
        )
    store.calibrations.retire(identity)
    click.echo(f"retired {identity}")
