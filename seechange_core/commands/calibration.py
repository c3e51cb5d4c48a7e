"""`seechange calibration build|list|use|retire`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from seechange_core.commands.settings import location_options, open_located, profile_options, read_profile
from seechange_core.commands.tables import print_rows
from seechange_core.errors import StoreError

_KINDS = ("bias", "dark", "flat", "skyflat", "fringe", "illumination", "badpixels", "gain")


@click.group()
def calibration() -> None:
    """Make calibration frames, and say which are used when."""


def _validity_options(command: Callable[..., Any]) -> Callable[..., Any]:
    first = click.option(
        "--valid-from", type=float, metavar="MJD", help="First time at which it may be used."
    )
    last = click.option(
        "--valid-to", type=float, metavar="MJD", help="Time from which it may not be used any more."
    )
    return first(last(command))


@calibration.command()
@click.argument("kind", type=click.Choice(_KINDS))
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@profile_options
@_validity_options
@click.option("--filter", "band", default="", help="Only exposures in this filter.")
@click.option(
    "--night", type=click.DateTime(["%Y-%m-%d"]), help="Only exposures of the night that began on this date."
)
@click.option("--sections", default="", metavar="A,B", help="Only these sections (CCDs).")
@click.option(
    "--fewest", type=click.IntRange(min=1), default=3, show_default=True, help="Exposures that must be left."
)
@click.option("--per-amplifier", is_flag=True, help="Scale each amplifier of a flat by its own level.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for plots of photon transfer (only with gain).",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Sections at the same time, each in up to 0.7 GB (not with gain).",
)
@click.option("--dry-run", is_flag=True, help="Show what would be built from what, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def build(
    kind: str,
    files: tuple[Path, ...],
    profile_file: Path | None,
    instrument: str,
    assignments: tuple[str, ...],
    valid_from: float | None,
    valid_to: float | None,
    band: str,
    night: datetime | None,
    sections: str,
    fewest: int,
    per_amplifier: bool,
    output: Path | None,
    jobs: int,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Combine raw exposures into calibration frames.

    Each section gets a frame, or each section and filter. FILES are exposures, or folders that are searched for those
    of the right kind. Exposures that do not fit are left out, and named with the reason. Build in this order, as far
    as the profile's preprocessing uses them:

    \b
      bias          level and pattern of the electronics, from biases
      dark          dark current, from darks
      gain          gain, read noise and full well, from pairs of flats (and biases)
      flat          response, from flats
      skyflat       the same from exposures of the sky or the twilight
      badpixels     defects, from flats and darks
      illumination  smooth correction of the flat, from flat-fielded exposures of the sky
      fringe        pattern of fringes, from flat-fielded exposures of the sky

    \b
    Examples:
      seechange calibration build bias raw/ --night 2026-01-31
      seechange calibration build flat raw/ --filter r --valid-from 61071
      seechange calibration build gain raw/flat_*.fits raw/bias_*.fits -o plots

    The exit status is 1 if a frame could not be built.
    """  # noqa: D301
    from seechange_core.commands.calibration_build import BuildRequest, run_build

    if output and kind != "gain":
        raise click.UsageError("-o is only for gain: it is the folder of its plots")
    if jobs > 1 and kind == "gain":
        raise click.UsageError("--jobs is not for gain: its sections are measured one after another")
    request = BuildRequest(
        kind=kind,
        files=files,
        valid_from_mjd=valid_from,
        valid_to_mjd=valid_to,
        filter=band,
        night=night.date() if night else None,
        sections=_names(sections),
        fewest=fewest,
        per_amplifier=per_amplifier,
        output=output,
        jobs=jobs,
    )
    run_build(read_profile(profile_file, instrument, assignments), request, dry_run=dry_run, as_json=as_json)


@calibration.command()
@click.argument("kind")
@click.argument("file", type=click.Path(path_type=Path))
@profile_options
@_validity_options
@click.option("--filter", "band", default="", help="Filter, for kinds that depend on it.")
@click.option("--sections", default="", metavar="A,B", help="Only these sections (CCDs).")
@click.option("--dry-run", is_flag=True, help="Check the file, and register nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def use(
    kind: str,
    file: Path,
    profile_file: Path | None,
    instrument: str,
    assignments: tuple[str, ...],
    valid_from: float | None,
    valid_to: float | None,
    band: str,
    sections: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Register a calibration file that was made elsewhere.

    KIND is what a correction calls its file: bias, dark, flat, fringe, illumination, badpixels (or defects),
    crosstalk, linearity, gain. FILE is FITS with an image or a table for each section, in extensions that are named
    after the sections; or text, in the form that the correction describes. It is copied.

    \b
    Examples:
      seechange calibration use crosstalk DECam_xtalk.txt --instrument decam
      seechange calibration use flat my-flat.fits --filter r --sections C1 --valid-from 61071
    """  # noqa: D301
    from seechange_core.runner.foreign_calibrations import use_calibration
    from seechange_core.runner.services import Services
    from seechange_core.store.rows.calibrations import Validity

    services = Services.of(read_profile(profile_file, instrument, assignments))
    used = use_calibration(
        services,
        kind,
        file,
        sections=_names(sections),
        filter=band,
        validity=Validity(valid_from, valid_to),
        register=not dry_run,
    )
    rows = [{name: getattr(one, name) for name in ("kind", "section", "filter", "identity")} for one in used]
    print_rows(rows, as_json=as_json, nothing="nothing to register")


@calibration.command(name="list")
@location_options
@click.option("--kind", default="", help="Only this kind.")
@click.option("--all", "with_retired", is_flag=True, help="Also what is retired.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with all that is known of the quality.")
def list_(
    profile_file: Path | None, assignments: tuple[str, ...], kind: str, with_retired: bool, as_json: bool
) -> None:
    """List calibration files with their quality and the time in which they are valid."""
    calibrations = open_located(profile_file, assignments).calibrations
    rows = [
        {
            "instrument": row.instrument,
            "kind": row.kind,
            "section": row.section,
            "filter": row.filter,
            "mjd": row.mjd,
            "valid_from_mjd": row.valid_from_mjd,
            "valid_to_mjd": row.valid_to_mjd,
            "exposures": metrics.get("n_combined"),
            "noise": metrics.get("noise"),
            **({"retired": row.retired} if with_retired else {}),
            "identity": identity,
            **({"metrics": metrics} if as_json else {}),
        }
        for identity, row, metrics in calibrations.listed(with_retired=with_retired)
        if not kind or row.kind == kind
    ]
    print_rows(
        rows, as_json=as_json, nothing="no calibration files: 'seechange calibration build' makes them"
    )


@calibration.command()
@location_options
@click.argument("identities", metavar="IDENTITY...", nargs=-1, required=True)
def retire(profile_file: Path | None, assignments: tuple[str, ...], identities: tuple[str, ...]) -> None:
    """Use calibration files no more.

    What was made with them stays. IDENTITY is what 'seechange calibration list' shows.
    """
    calibrations = open_located(profile_file, assignments).calibrations
    unknown = [identity for identity in identities if not calibrations.has(identity)]
    if unknown:
        raise StoreError(
            f"there is no calibration file {', '.join(unknown)}; 'seechange calibration list' shows what is"
        )
    for identity in identities:
        calibrations.retire(identity)
        click.echo(f"retired {identity}")


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in listed.split(",") if name.strip())
