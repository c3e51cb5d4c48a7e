"""`seechange show exposures|images|detections|objects`."""

from __future__ import annotations

from pathlib import Path

import click

from seechange_core.commands.settings import instrument_option, location_options, open_located
from seechange_core.commands.sky_position import DEC, RA
from seechange_core.commands.tables import print_rows


@click.command()
@click.argument("kind", type=click.Choice(["exposures", "images", "detections", "objects"]))
@location_options
@instrument_option("Only of this camera.")
@click.option("--filter", "band", default="", help="Only in this filter.")
@click.option(
    "--cone",
    type=(RA, DEC, click.FloatRange(min=0)),
    metavar="RA DEC ARCSEC",
    help="Only within so many arcsec of a position, such as 150.14662 2.20688 60.",
)
@click.option(
    "--limit", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many rows."
)
@click.option(
    "--tag", default="", help="Only of the processing with this tag (default: whichever was the last)."
)
@click.option(
    "--all-versions",
    is_flag=True,
    help="All that was made, with provenance and tags; else of each section of an exposure what was made last.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(
    kind: str,
    profile_file: Path | None,
    assignments: tuple[str, ...],
    instrument: str,
    band: str,
    cone: tuple[float, float, float] | None,
    limit: int,
    tag: str,
    all_versions: bool,
    as_json: bool,
) -> None:
    """List exposures, images, detections (measured candidates) or objects.

    The column flux_unit says what fluxes are in: nJy; relative, electrons of the exposure that all are relative to; or
    electron, of the image itself. Of detections, significance is that of the peak (sigma), real_bogus_score what the
    scorer gave, from 0 (bogus) to 1 (real); several scorers have a column each. n_measurements of an object counts each
    exposure once. Positions are ICRS unless sky_frame says relative. Where the data are, the profile says, or
    SEECHANGE__STORAGE__ROOT, or --set storage.root=FOLDER.
    """
    from seechange_core.store.listings import Selection, list_rows

    store = open_located(profile_file, assignments)
    rows = list_rows(store.database, kind, Selection(instrument, band, cone, limit, tag, all_versions))
    print_rows(rows, as_json=as_json, nothing=f"no such {kind} in {store.database.name}")
    if len(rows) == limit:
        click.echo(f"these are the first {limit}; --limit shows more", err=True)
