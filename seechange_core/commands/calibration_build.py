"""What `seechange calibration build` does: building, progress, and what is told of the result."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import click

from seechange_core.commands.tables import print_rows
from seechange_core.runner.calibration_frames import BuildOptions, Say, build_calibrations
from seechange_core.runner.calibration_inputs import corrections_before
from seechange_core.runner.calibration_jobs import INPUT_KINDS, plan_calibrations
from seechange_core.runner.calibration_products import BuiltCalibration
from seechange_core.runner.calibration_workers import build_in_workers
from seechange_core.runner.exposure_files import collect
from seechange_core.runner.gain_measurement import MeasuredGain, measure_gains
from seechange_core.runner.measured_sensor import GAIN
from seechange_core.runner.services import Services
from seechange_core.store.rows.calibrations import Validity


@dataclass(frozen=True)
class BuildRequest:
    """What the options of the command say; see there."""

    kind: str
    files: tuple[Path, ...]
    valid_from_mjd: float | None
    valid_to_mjd: float | None
    filter: str
    night: date | None
    sections: tuple[str, ...]
    fewest: int
    per_amplifier: bool
    output: Path | None
    jobs: int

    @property
    def options(self) -> BuildOptions:
        """Those that concern the exposures and how they are combined."""
        return BuildOptions(self.fewest, self.per_amplifier, self.filter, self.night, self.sections)


def run_build(profile: Any, request: BuildRequest, *, dry_run: bool, as_json: bool) -> None:
    """Build, tell what was built and what was left out, and exit with 1 if a frame could not be built."""
    services = Services.of(profile)
    exposures, problems = collect(services.instrument, request.files, *INPUT_KINDS[request.kind])
    if dry_run:
        _show_plan(services, request, exposures, as_json=as_json)
        for reason in problems.values():
            click.echo(reason, err=True)
        return
    validity = {"valid_from_mjd": request.valid_from_mjd, "valid_to_mjd": request.valid_to_mjd}
    measured: list[MeasuredGain] = []
    with _progress(quiet=as_json) as say:
        if request.kind == GAIN:
            again = request.output is not None
            measured = measure_gains(
                services, exposures, **validity, options=request.options, again=again, say=say
            )
            built = [one.built for one in measured]
        elif request.jobs > 1:
            built = build_in_workers(
                services,
                request.kind,
                exposures,
                request.jobs,
                validity=Validity(request.valid_from_mjd, request.valid_to_mjd),
                options=request.options,
                say=say,
            )
        else:
            built = build_calibrations(
                services, request.kind, exposures, **validity, options=request.options, say=say
            )
    if request.output is not None:
        _draw(measured, request.output)
    unusable = {str(path): reason for path, reason in problems.items()}
    if as_json:
        rows = [{**asdict(one), "rejected": {**unusable, **one.rejected}} for one in built]
        click.echo(json.dumps(rows, indent=2))
    else:
        _tell(built, unusable)
    sys.exit(1 if any(one.problem for one in built) else 0)


def _show_plan(
    services: Services, request: BuildRequest, exposures: list[tuple[Path, ...]], *, as_json: bool
) -> None:
    options = request.options
    plan = plan_calibrations(
        services,
        request.kind,
        exposures,
        filter=options.filter,
        night=options.night,
        sections=options.sections,
        fewest=options.fewest,
    )
    corrections = ", ".join(one.name for one in corrections_before(services, request.kind))
    rows = [
        {
            "kind": job.kind,
            "section": job.section,
            "filter": job.filter,
            "exposures": len(job.exposures),
            "mjd": job.mjd,
            "corrected for": corrections,
        }
        for job in plan.jobs
    ]
    print_rows(rows, as_json=as_json, nothing="nothing to build")
    for name, reason in plan.rejected.items():
        click.echo(f"rejected {name}: {reason}", err=True)


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Say]:
    """Show on a terminal how many exposures of the current frame have been read."""
    if quiet or not sys.stderr.isatty():
        yield lambda what, done, total: None
        return
    # Only a terminal pays for the import of rich.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as live:
        bar = live.add_task("reading headers", total=None)
        yield lambda what, done, total: live.update(bar, description=what, completed=done, total=total)


def _tell(built: list[BuiltCalibration], unusable: dict[str, str]) -> None:
    rejected = dict(unusable)
    for one in built:
        rejected |= one.rejected
        what = " ".join(part for part in (one.kind, one.section, one.filter) if part)
        if one.problem:
            click.echo(f"{what}: not built: {one.problem}", err=True)
            continue
        click.echo(f"{what} of {one.n_exposures} exposures: {one.identity}{_quality(one)}")
        for amplifier in one.metrics.get("amplifiers", []):
            click.echo(f"  {_amplifier(amplifier)}")
    for name, reason in rejected.items():
        click.echo(f"rejected {name}: {reason}", err=True)


def _quality(one: BuiltCalibration) -> str:
    parts: list[tuple[str, Callable[[Any], str]]] = [
        ("level", lambda value: f"level {value:.4g} {one.metrics.get('level_unit', '')}".rstrip()),
        ("noise", lambda value: f"noise {value:.3g} (expected {one.metrics['noise_expected']:.3g})"),
        ("clipped_fraction", lambda value: f"{value:.2%} clipped"),
        ("bad_fraction", lambda value: f"{value:.3%} bad"),
    ]
    told = [say(one.metrics[name]) for name, say in parts if one.metrics.get(name) is not None]
    return f" ({', '.join(told)})" if told else ""


def _amplifier(measured: dict[str, Any]) -> str:
    full_well = measured["full_well_electron"]
    reached = (
        f"full well {full_well:.0f} electrons"
        if full_well is not None
        else f"full well not reached at {measured['brightest_electron']:.0f} electrons"
    )
    return (
        f"{measured['amplifier']}: gain {measured['gain']:.4f} +- {measured['gain_error']:.4f} electrons per ADU, "
        f"read noise {measured['read_noise_electron']:.2f} electrons, {reached}"
    )


def _draw(measured: list[MeasuredGain], folder: Path) -> None:
    from seechange_core.plots.photon_transfer import plot_transfer

    folder.mkdir(parents=True, exist_ok=True)
    for one in measured:
        if one.curves:
            path = folder / f"photon_transfer_{one.built.section}.png"
            plot_transfer(one.built.section, one.curves).savefig(path)
            click.echo(f"wrote {path}", err=True)
