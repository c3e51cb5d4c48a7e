"""`seechange object show|classify|merge|split`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from seechange_core.commands.settings import location_options, open_located
from seechange_core.commands.sky_position import sexagesimal
from seechange_core.commands.tables import print_rows

_FLAGS = ("transient", "variable", "moving", "star", "nucleus", "artefact")


@click.group()
def object() -> None:
    """Show objects, say what they are, and correct which measurements belong to them.

    Objects are named as 'seechange show objects' lists them. The name of one that was merged leads to the other.
    """


@object.command()
@click.argument("name")
@location_options
@click.option(
    "--all-versions",
    is_flag=True,
    help="Measurements of all processings of an exposure, with provenance and tags; else those of the last one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(
    name: str,
    profile_file: Path | None,
    assignments: tuple[str, ...],
    all_versions: bool,
    as_json: bool,
) -> None:
    """Show an object and its measurements, with the ids that 'seechange object split' asks for."""
    from seechange_core.store.listings import Selection, list_rows

    store = open_located(profile_file, assignments)
    found = store.objects.find(name)
    selection = Selection(limit=None, all_versions=all_versions, object_id=found.id)
    rows = list_rows(store.database, "detections", selection)
    if as_json:
        click.echo(json.dumps({**_described(found), "measurements": rows}, indent=2, default=str))
        return
    click.echo(_headline(found))
    click.echo()
    print_rows(rows, as_json=False, nothing="no measurements")


@object.command()
@click.argument("name")
@location_options
@click.option("--as", "classification", metavar="TEXT", help="In words, such as 'SN Ia'; '' takes it back.")
@click.option(
    "--flag",
    "flags",
    type=click.Choice([*_FLAGS, "none"]),
    multiple=True,
    help="May be given more than once; all that it has from now on.",
)
def classify(
    name: str,
    profile_file: Path | None,
    assignments: tuple[str, ...],
    classification: str | None,
    flags: tuple[str, ...],
) -> None:
    """Say what an object is."""
    from seechange_core.models import ObjectFlag

    chosen = ObjectFlag(0)
    for flag in flags:
        chosen |= ObjectFlag[flag.upper()] if flag != "none" else ObjectFlag(0)
    store = open_located(profile_file, assignments)
    found = store.objects.classify(name, classification=classification, flags=chosen if flags else None)
    click.echo(f"{found.name}: {_classified(found)}")


@object.command()
@click.argument("kept")
@click.argument("others", nargs=-1, required=True)
@location_options
def merge(
    kept: str, others: tuple[str, ...], profile_file: Path | None, assignments: tuple[str, ...]
) -> None:
    """Give the object KEPT the measurements of the OTHERS, whose names lead to it from now on."""
    found = open_located(profile_file, assignments).objects.merge(kept, others)
    click.echo(_headline(found))


@object.command()
@click.argument("name")
@click.argument("measurements", nargs=-1, required=True)
@location_options
def split(
    name: str, measurements: tuple[str, ...], profile_file: Path | None, assignments: tuple[str, ...]
) -> None:
    """Make a new object of some measurements of an object.

    MEASUREMENTS are ids that 'seechange object show' lists, or the first digits of them.
    """
    from seechange_core.models import Measurements
    from seechange_core.store.row_ids import found_row

    store = open_located(profile_file, assignments)
    rows = [found_row(store.database, text, Measurements) for text in measurements]
    found = store.objects.split(name, rows)
    click.echo(_headline(found))


def _headline(found: Any) -> str:
    """Return name, position in degrees and sexagesimal, and what the object is, line by line."""
    sky = f"relative to {found.relative_to}" if found.relative_to else "ICRS"
    error = "" if found.position_error_arcsec is None else f" +- {found.position_error_arcsec:.3f} arcsec"
    origin = " (injected)" if found.is_fake else " (simulated)" if found.is_test else ""
    lines = [
        f"{found.name}{origin}: {_classified(found)}",
        f"  {found.ra:.6f} {found.dec:+.6f} deg, {sky}{error}",
        f"  {sexagesimal(found.ra, found.dec)}",
    ]
    return "\n".join(lines)


def _described(found: Any) -> dict[str, Any]:
    return {
        "name": found.name,
        "ra": found.ra,
        "dec": found.dec,
        "position_error_arcsec": found.position_error_arcsec,
        "relative_to": found.relative_to,
        "is": _classified(found),
        "is_fake": found.is_fake,
        "is_test": found.is_test,
    }


def _classified(found: Any) -> str:
    from seechange_core.models import ObjectFlag

    flags = [flag.name.lower() for flag in ObjectFlag if flag & found.flags and flag.name]
    return ", ".join([*([found.classification] if found.classification else []), *flags]) or "not classified"
