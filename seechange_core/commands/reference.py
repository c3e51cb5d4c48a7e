"""`seechange reference build|list|sets|show|retire`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from seechange_core.commands.settings import location_options, open_located, profile_options, read_profile
from seechange_core.commands.sky_position import DEC, RA
from seechange_core.commands.tables import print_rows


@click.group()
def reference() -> None:
    """Build, list, show and retire references.

    A reference is a deep image of a piece of sky in one filter, made from exposures that were calibrated
    ('seechange process --through photocal'). A subtraction takes the one of its set (subtraction.reference_set) that
    covers most of the new image.
    """


@reference.command()
@profile_options
@click.option("--filter", "band", required=True, help="Filter of the images.")
@click.option("--ra", type=RA, help="Right ascension that every image has to cover: degrees, or 10:00:35.19.")
@click.option("--dec", type=DEC, help="Declination that every image has to cover: degrees, or +02:12:24.8.")
@click.option(
    "--images",
    multiple=True,
    metavar="ID",
    help="Use this image; may be given more than once.",
)
@click.option("--after", type=float, metavar="MJD", help="Use only images taken after this time.")
@click.option("--before", type=float, metavar="MJD", help="Use only images taken before this time.")
@click.option("--set-name", help="Name of the reference set (default: subtraction.reference_set).")
@click.option(
    "--replace",
    "replaces",
    multiple=True,
    metavar="IDENTITY",
    help="Retire this reference for the new one; may be given more than once.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def build(
    profile_file: Path | None,
    instrument: str,
    assignments: tuple[str, ...],
    band: str,
    ra: float | None,
    dec: float | None,
    images: tuple[str, ...],
    after: float | None,
    before: float | None,
    set_name: str | None,
    replaces: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make a reference of good images.

    They are chosen as the profile's block referencing says, brought to one grid and added up; the sum is calibrated and
    registered in the set. With a position all calibrated images that cover it may enter; --before keeps later ones out.
    """
    from seechange_core.models import Image
    from seechange_core.pipeline import coadd_plan, referencing_provenance
    from seechange_core.runner.references import build_reference
    from seechange_core.runner.services import Services
    from seechange_core.store.row_ids import found_row

    if (ra is None) != (dec is None) or (ra is None and not images):
        raise click.UsageError("give --ra and --dec, or --images")
    profile = read_profile(profile_file, instrument, assignments)
    services = Services.of(profile)
    services.store.provenances.register([*coadd_plan(profile).provenances(), referencing_provenance(profile)])
    built = build_reference(
        services,
        filter=band,
        position=None if ra is None or dec is None else (ra, dec),
        after_mjd=after,
        before_mjd=before,
        images=tuple(found_row(services.store.database, text, Image) for text in images),
        reference_set=set_name or profile.parameters("subtraction").reference_set,
        replaces=replaces,
        started=lambda process: None if as_json else click.echo(f"{process} ...", err=True),
    )
    if as_json:
        click.echo(json.dumps(built.as_json(), indent=2))
        return
    click.echo(
        f"reference {built.reference} in {built.filter}, set {built.reference_set}, cell {built.sky_cell}"
    )
    click.echo(f"made of {len(built.images)} images")
    for image, reason in built.left_out.items():
        click.echo(f"left out {image}: {reason}")
    for other in built.replaced:
        click.echo(f"replaced {other}; 'seechange reference show {other}' lists what was made with it")
    for other in built.beside:
        click.echo(f"covered as well by {other}: where both cover as much, this newer one is chosen")
    n_contaminated = built.metrics["coaddition"].get("n_contaminated")
    if n_contaminated:
        click.echo(
            f"{n_contaminated} places differ between the halves in time of the images and are marked CONTAMINATED; "
            f"'seechange reference show {built.reference}' lists them"
        )


@reference.command(name="list")
@location_options
@click.option("--set-name", help="Only this set.")
@click.option("--filter", "band", help="Only this filter.")
@click.option("--ra", type=RA, help="Right ascension that they cover: degrees, or 10:00:35.19.")
@click.option("--dec", type=DEC, help="Declination that they cover: degrees, or +02:12:24.8.")
@click.option("--retired", is_flag=True, help="Also those that are no longer used.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(
    profile_file: Path | None,
    assignments: tuple[str, ...],
    set_name: str | None,
    band: str | None,
    ra: float | None,
    dec: float | None,
    retired: bool,
    as_json: bool,
) -> None:
    """List references with their sets."""
    if (ra is None) != (dec is None):
        raise click.UsageError("give --ra and --dec together")
    store = open_located(profile_file, assignments)
    position = None if ra is None or dec is None else (ra, dec)
    found = store.references.listed(set_name, retired=retired, filter=band, position=position)
    rows = [
        {
            "set": name,
            "instrument": row.instrument,
            "filter": row.filter,
            "sky_cell": row.sky_cell,
            "ra": row.ra,
            "dec": row.dec,
            "retired": row.retired,
            "replaced_by": row.replaced_by or None,
            "reference": row.identity,
        }
        for name, row in found
    ]
    print_rows(rows, as_json=as_json, nothing="no references: 'seechange reference build' makes them")


@reference.command()
@location_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def sets(profile_file: Path | None, assignments: tuple[str, ...], as_json: bool) -> None:
    """List sets of references: what for, of what, and how made."""
    from seechange_core.store.reference_details import reference_sets

    rows = reference_sets(open_located(profile_file, assignments).database)
    if not as_json:
        rows = [
            {
                name: ", ".join(value) or None if isinstance(value, list) else value
                for name, value in row.items()
            }
            for row in rows
        ]
    print_rows(rows, as_json=as_json, nothing="no sets: 'seechange reference build' makes them")


@reference.command()
@location_options
@click.argument("identity")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(profile_file: Path | None, assignments: tuple[str, ...], identity: str, as_json: bool) -> None:
    """Show what a reference is made of, where it is contaminated, and what was made with it.

    IDENTITY is that of 'seechange reference list'.
    """
    from seechange_core.store.reference_details import reference_details

    details = reference_details(open_located(profile_file, assignments).database, identity)
    if as_json:
        click.echo(json.dumps(details.as_json(), indent=2))
        return
    state = "retired" if details.retired else "chosen where it fits"
    if details.replaced_by:
        state = f"replaced by {details.replaced_by}"
    click.echo(f"{details.reference}: {state}" + (f", flagged {details.badness}" if details.badness else ""))
    click.echo(
        f"set {details.reference_set}"
        + (f" ({details.made_for})" if details.made_for else "")
        + f", {details.instrument} {details.filter}, cell {details.sky_cell}, provenance {details.provenance}"
    )
    coadd = details.metrics.get("coaddition", {})
    _print_part("made of", details.members)
    left_out = [{"image": image, "reason": reason} for image, reason in details.left_out.items()]
    _print_part("left out", left_out)
    _print_part("contaminated, strongest first", coadd.get("contaminated_places", []))
    _print_part("made with it", details.made_with_it)


def _print_part(title: str, rows: list[dict[str, Any]]) -> None:
    click.echo(f"\n{title}: {len(rows)}")
    if rows:
        print_rows(rows, as_json=False, nothing="")


@reference.command()
@location_options
@click.argument("identity")
def retire(profile_file: Path | None, assignments: tuple[str, ...], identity: str) -> None:
    """Choose a reference no more; what was made with it stays.

    IDENTITY is that of 'seechange reference list'.
    """
    open_located(profile_file, assignments).references.retire(identity)
