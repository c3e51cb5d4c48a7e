"""`seechange process`."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import click

from seechange_core.commands.settings import profile_options, read_profile
from seechange_core.commands.tables import print_rows
from seechange_core.errors import SeeChangeError


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@profile_options
@click.option("--through", metavar="STEP", help="Stop after this step; run again without it to go on.")
@click.option("--sections", default="", metavar="A,B", help="Only these sections (CCDs).")
@click.option(
    "--jobs", type=click.IntRange(min=1), help="Sections at the same time (default: the number of cores)."
)
@click.option("--tag", help="Provenance tag that this run sets (default: current).")
@click.option("--dry-run", is_flag=True, help="Show the plan and what exists already, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: what became of each section.")
@click.option("--strict", is_flag=True, help="Exit with 1 also if a section was rejected.")
def process(
    files: tuple[Path, ...],
    profile_file: Path | None,
    instrument: str,
    assignments: tuple[str, ...],
    through: str | None,
    sections: str,
    jobs: int | None,
    tag: str | None,
    dry_run: bool,
    as_json: bool,
    strict: bool,
) -> None:
    """Run exposures through the chain, from raw pixels to scored measurements.

    FILES are exposures, or folders that are searched for exposures of the sky. Nothing is computed twice: run the same
    command again to go on where an earlier run stopped. The exit status is 0 if every section ended done, rejected or
    waiting for a reference, 1 if one failed, 2 if the command or the profile is wrong.
    """
    # What computes is imported only when something is computed.
    from seechange_core.commands.progress import Progress, table
    from seechange_core.pipeline import exposure_plan
    from seechange_core.runner.dry_run import planned_products
    from seechange_core.runner.exposure_files import collect
    from seechange_core.runner.process import process_sections, register_exposures
    from seechange_core.runner.resources import n_cores
    from seechange_core.runner.run_tag import LeftBehind
    from seechange_core.runner.section_report import FAILED, SectionReport, exit_status
    from seechange_core.runner.services import Services

    if tag:
        assignments = (*assignments, f"runner.tag={tag}")
    profile = read_profile(profile_file, instrument, assignments)
    whole = exposure_plan(profile)
    plan = whole.through(through) if through else whole
    services = Services.of(profile)
    exposures, problems = collect(services.instrument, files)
    reports = [
        SectionReport(path.name, "-", FAILED, "registration", reason) for path, reason in problems.items()
    ]
    wanted = [section.strip() for section in sections.split(",") if section.strip()]
    if dry_run:
        planned = []
        for paths in exposures:
            try:
                planned += planned_products(services, plan, paths, wanted)
            except SeeChangeError as error:
                reports.append(SectionReport(paths[0].name, "-", FAILED, "registration", str(error)))
        rows = [asdict(product) for product in planned]
        print_rows(rows, as_json=as_json, nothing="nothing to process")
        for report in reports:
            click.echo(f"{report.exposure} {report.state}: {report.reason}", err=True)
        sys.exit(exit_status(reports, strict=strict))

    tasks, failures = register_exposures(services, exposures, wanted)
    reports += failures
    left: list[LeftBehind] = []
    with (
        Progress(len(tasks), quiet=as_json) as progress,
        closing(
            process_sections(
                services,
                plan,
                tasks,
                jobs or profile.runner.jobs or n_cores(),
                started=progress.step,
                left_behind=left.append,
            )
        ) as ended,
    ):
        for report in ended:
            progress.finished(report)
            reports.append(report)
    reports.sort(key=lambda report: (report.exposure, report.section))
    if as_json:
        ended_as = [report.as_json() for report in reports]
        click.echo(json.dumps({"sections": ended_as, "left_behind": [asdict(one) for one in left]}, indent=2))
    else:
        click.echo("\n".join([table(reports), *(f"note: {one}" for one in left)]))
    sys.exit(exit_status(reports, strict=strict))
