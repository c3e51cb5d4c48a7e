"""`seechange delete`."""

from __future__ import annotations

from pathlib import Path

import click

from seechange_core.commands.settings import location_options, open_located
from seechange_core.errors import StoreError


@click.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@location_options
@click.option("--dry-run", is_flag=True, help="Only say what would be deleted.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(
    ids: tuple[str, ...], profile_file: Path | None, assignments: tuple[str, ...], dry_run: bool, yes: bool
) -> None:
    """Remove exposures or images with everything made from them: rows, files, copies in the archive.

    IDs are those that 'seechange show exposures' and 'seechange show images' list. Raw files are never removed.
    """
    from seechange_core.models import Exposure, Image
    from seechange_core.store.deletion import delete_everything, plan_deletion
    from seechange_core.store.row_ids import found_row

    store = open_located(profile_file, assignments)
    rows = [found_row(store.database, text, Exposure, Image) for text in ids]
    planned = plan_deletion(store.database, rows)
    if not planned.products and not planned.exposures:
        raise StoreError("there is nothing with these ids; 'seechange show exposures|images' lists them")
    width = max((len(place) for _, place, _ in planned.products), default=0)
    for process, place, identity in planned.products:
        click.echo(f"{process:14} {place:{width}} {identity}")
    total = f"{len(planned.products)} products, {len(planned.files)} files ({planned.size / 1e6:.1f} MB)"
    total += f", {len(planned.exposures)} exposures" if planned.exposures else ""
    if dry_run:
        click.echo(f"would delete {total}")
        return
    if not yes:
        click.confirm(f"Delete {total}?", abort=True)
    delete_everything(store.database, store.files, rows)
    click.echo(f"deleted {total}")
