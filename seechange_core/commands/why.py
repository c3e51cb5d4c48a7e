"""`seechange why RA DEC`."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

import click

from seechange_core.commands.settings import location_options, open_located
from seechange_core.commands.sky_position import DEC, RA


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("ra", type=RA)
@click.argument("dec", type=DEC)
@location_options
@click.option("--exposure", default="", help="This exposure only, by its id or file name, with every detail.")
@click.option(
    "--radius",
    "radius_arcsec",
    type=click.FloatRange(min=0, min_open=True),
    default=1.5,
    show_default=True,
    metavar="ARCSEC",
    help="A peak this near is at the position.",
)
@click.option(
    "--near",
    "near_arcsec",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    metavar="ARCSEC",
    help="Name exposures too that miss the position by no more than this.",
)
@click.option("--tag", default="current", show_default=True, help="Processing that is asked about.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, every detail of every exposure.")
def why(
    ra: float,
    dec: float,
    profile_file: Path | None,
    assignments: tuple[str, ...],
    exposure: str,
    radius_arcsec: float,
    near_arcsec: float,
    tag: str,
    as_json: bool,
) -> None:
    """Say what happened at a position in every exposure, and why nothing was found.

    RA and DEC are ICRS, in degrees or sexagesimal (hours for RA).

    Of each exposure that covers the position, or just misses it: how far off it is, where the processing stopped, which
    mask hides the position, how far below the threshold it is and how bright a source would have been seen, or which
    cut deleted or flagged the peak that is there, how it was measured and scored, and which object it belongs to.

    \b
    Examples:
      seechange why 150.14662 2.20688
      seechange why 10:00:35.19 +02:12:24.8 --exposure simcam_20260304_028.fits
    """  # noqa: D301 - click keeps the lines of a paragraph that begins with a backspace
    from seechange_core.registry import Registry
    from seechange_core.store.history import position_history

    store = open_located(profile_file, assignments)
    chosen: UUID | None = store.exposures.chosen(exposure).id if exposure else None
    findings = position_history(
        store,
        ra,
        dec,
        instruments=Registry().components("instrument"),
        exposure_id=chosen,
        radius_arcsec=radius_arcsec,
        near_arcsec=near_arcsec,
        tag=tag,
    )
    if as_json:
        click.echo(json.dumps([finding.as_json() for finding in findings], indent=2))
        return
    from seechange_core.commands.history_text import print_history

    nothing = f"no exposure in {store.database.name} comes near"
    if exposure:
        nothing = f"going by its pointing {exposure} is elsewhere, and the tag {tag!r} has nothing of it"
    print_history(findings, detailed=bool(exposure), nothing=nothing)
