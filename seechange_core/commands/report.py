"""`seechange report NIGHT|EXPOSURE`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seechange_core.commands.output_files import write_output
from seechange_core.commands.settings import instrument_option, location_options, open_located
from seechange_core.errors import InputError, StoreError

if TYPE_CHECKING:
    from seechange_core.store.night_checks import NightChecks

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@click.command()
@click.argument("subject", metavar="NIGHT|EXPOSURE", default="latest")
@location_options
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="HTML file to write; without it only the status is printed.",
)
@instrument_option("Camera, where the database has exposures of several.")
@click.option("--tag", default="current", show_default=True, help="Processing that is reported.")
@click.option("--json", "as_json", is_flag=True, help="Print all checks as one JSON object.")
def report(
    subject: str,
    profile_file: Path | None,
    assignments: tuple[str, ...],
    output: Path | None,
    instrument: str,
    tag: str,
    as_json: bool,
) -> None:
    """Tell how a night or an exposure went: what is unusual, then figures by subject.

    NIGHT is the date of its evening at the telescope, like 2026-03-04, or 'latest' (the default); EXPOSURE is the id or
    file name of one exposure. Everything is compared with the last ten nights on which the camera observed; a quantity
    is unusual 3.5 robust sigma from their median. The page is one file that needs neither network nor scripts.

    The exit status is 1 if sections failed or more than a tenth of them was rejected.
    """
    store = open_located(profile_file, assignments)
    checks = _checked(store, subject, instrument, tag)
    if output is not None:
        from seechange_core.commands.night_report.page import page

        text = page(checks)
        write_output(output, lambda: output.write_text(text, "utf-8"))
    from seechange_core.commands.night_report.status import status_of

    kind, sentence = status_of(checks)
    if as_json:
        click.echo(json.dumps({"status": kind, **checks.as_json()}, indent=2))
    else:
        click.echo(f"{checks.title}: {sentence}")
        for one in checks.unusual:
            click.echo(f"  {one.text}; look at {one.advice}")
        if output is not None:
            click.echo(str(output))
    click.get_current_context().exit(int(kind == "bad"))


def _checked(store: Any, subject: str, instrument: str, tag: str) -> NightChecks:
    from seechange_core.store.night_checks import Night, check_exposure, check_night
    from seechange_core.store.night_checks.summary import latest_night

    if subject != "latest" and not _DATE.fullmatch(subject):
        exposure = store.exposures.chosen(subject)
        longitude = _longitude_deg(exposure.instrument)
        return check_exposure(store.database, exposure, Night.at(exposure.mjd, longitude), tag)
    camera = _camera(store, instrument)
    longitude = _longitude_deg(camera)
    night = (
        latest_night(store.database, camera, longitude)
        if subject == "latest"
        else Night.named(subject, longitude)
    )
    if night is None:
        raise StoreError(
            f"there are no science exposures of {camera!r}; 'seechange show exposures' lists all"
        )
    return check_night(store.database, camera, night, tag)


def _camera(store: Any, named: str) -> str:
    """Return the camera that is named, or the only one that there are exposures of."""
    cameras: list[str] = store.exposures.instruments()
    if named in cameras or (not named and len(cameras) == 1):
        return named or cameras[0]
    listed = ", ".join(cameras) or "none"
    raise InputError(f"name the camera with --instrument; the database has exposures of: {listed}")


def _longitude_deg(camera: str) -> float:
    """Return where a camera stands; 0, so that nights end at noon UTC, where that is not known."""
    from seechange_core.registry import Registry

    site = getattr(Registry().components("instrument").get(camera), "site", None)
    return 0.0 if site is None else float(site.longitude_deg)
