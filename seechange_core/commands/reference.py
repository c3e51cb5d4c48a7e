"""`seechange reference build|list|retire`."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

import click

from seechange_core.commands.settings import location_options, open_located, profile_options, read_profile
from seechange_core.commands.tables import print_rows


@click.group()
def reference() -> None:
    """Build, list and retire references.

    A reference is a deep image of a piece of sky in one filter, made from exposures that were processed through
    photocal. A subtraction takes the one of its set (subtraction.reference_set) that covers most of the new image.
    """


@reference.command()
@profile_options
@click.option("--filter", "band", required=True, help="Filter of the images.")
@click.option(
    "--ra", type=click.FloatRange(0, 360), help="Right ascension that every image has to cover (deg)."
)
@click.option(
    "--dec", type=click.FloatRange(-90, 90), help="Declination that every image has to cover (deg)."
)
@click.option(
    "--images",
    multiple=True,
    type=click.UUID,
    metavar="ID",
    help="Use this image; may be given more than once.",
)
@click.option("--before", type=float, metavar="MJD", help="Use only images taken before this time.")
@click.option("--set-name", help="Name of the reference set (default: subtraction.reference_set).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def build(
    profile_file: Path | None,
    instrument: str,
    assignments: tuple[str, ...],
    band: str,
    ra: float | None,
    dec: float | None,
    images: tuple[UUID, ...],
    before: float | None,
    set_name: str | None,
    as_json: bool,
) -> None:
    """Make a reference of good images.

    They are chosen as the profile's block referencing says, brought to one grid and added up; the sum is calibrated and
    registered in the set. With a position all calibrated images that cover it may enter; --before keeps later ones out.
    """
    from seechange_core.pipeline import coadd_plan, referencing_provenance
    from seechange_core.runner.references import build_reference
    from seechange_core.runner.services import Services

    if (ra is None) != (dec is None) or (ra is None and not images):
        raise click.UsageError("give --ra and --dec, or --images")
    profile = read_profile(profile_file, instrument, assignments)
    services = Services.of(profile)
    services.store.provenances.register([*coadd_plan(profile).provenances(), referencing_provenance(profile)])
    built = build_reference(
        services,
        filter=band,
        position=None if ra is None or dec is None else (ra, dec),
        before_mjd=before,
        images=images,
        reference_set=set_name or profile.parameters("subtraction").reference_set,
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


@reference.command(name="list")
@location_options
@click.option("--set-name", help="Only this set.")
@click.option("--retired", is_flag=True, help="Also those that are no longer used.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(
    profile_file: Path | None,
    assignments: tuple[str, ...],
    set_name: str | None,
    retired: bool,
    as_json: bool,
) -> None:
    """List references with their sets."""
    store = open_located(profile_file, assignments)
    rows = [
        {
            "set": name,
            "instrument": row.instrument,
            "filter": row.filter,
            "sky_cell": row.sky_cell,
            "ra": row.ra,
            "dec": row.dec,
            "retired": row.retired,
            "reference": row.identity,
        }
        for name, row in store.references.listed(set_name, retired=retired)
    ]
    print_rows(rows, as_json=as_json, nothing="no references: 'seechange reference build' makes them")


@reference.command()
@location_options
@click.argument("identity")
def retire(profile_file: Path | None, assignments: tuple[str, ...], identity: str) -> None:
    """Choose a reference no more; what was made with it stays.

    IDENTITY is that of 'seechange reference list'.
    """
    open_located(profile_file, assignments).references.retire(identity)
