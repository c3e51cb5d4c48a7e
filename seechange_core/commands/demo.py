"""`seechange demo`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click


@click.command()
@click.option(
    "-o",
    "--output",
    "--out",
    "out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-out"),
    show_default=True,
    help="Folder for raw files, products, database and pictures.",
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of the simulation.")
@click.option(
    "--jobs", type=click.IntRange(min=1), help="Sections at the same time (default: the number of cores)."
)
@click.option(
    "--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Change one value of the profile."
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
def demo(out: Path, seed: int, jobs: int | None, assignments: tuple[str, ...], as_json: bool) -> None:
    """Simulate a small survey, run it through the chain, and show what was found.

    The sky, the camera and its exposures are simulated. Everything after that is the chain as it runs on real data:
    PSF, astrometry and zero points are measured, and the truth is read by the comparison at the end only. Run it
    again and nothing is computed twice. The profile that it writes, profile.yaml in the folder, is for every other
    command: --profile demo-out/profile.yaml, or SEECHANGE_CONFIG.
    """
    # What computes is imported only when something is computed.
    from seechange_core.commands.demonstration.comparison import compare, figures
    from seechange_core.commands.demonstration.next_steps import next_steps
    from seechange_core.commands.demonstration.pictures import draw
    from seechange_core.commands.demonstration.survey import run_survey
    from seechange_core.runner.resources import n_cores
    from seechange_core.runner.section_report import exit_status

    def say(stage: str, done: int, total: int) -> None:
        click.echo(f"{stage} [{done}/{total}]", err=True)

    run = run_survey(out, seed=seed, jobs=jobs or n_cores(), assignments=assignments, say=say)
    compared = compare(run)
    found = figures(run, compared)
    pictures = draw(run, compared, out) if compared else []
    commands = next_steps(run, compared, out)
    if as_json:
        figures_and_files = {**found, "pictures": [str(path) for path in pictures], "next": commands}
        click.echo(json.dumps(figures_and_files, indent=2))
    else:
        click.echo(_summary(found))
        for path in pictures:
            click.echo(f"picture: {path}")
        click.echo("\n  ".join(["\nNext, with these data:", *commands]) if commands else "")
    for report in run.reports:
        if report.reason:
            click.echo(f"{report.exposure} {report.section} {report.state}: {report.reason}", err=True)
    sys.exit(exit_status(run.reports, strict=True))


def _summary(found: dict[str, Any]) -> str:
    lines = [
        f"Simulated survey: {found['sections_done']} of {found['sections']} sections done",
        "Transients by expected S/N at their best epoch; found: one was measured within 3 sigma of the measured",
        "position (1 pixel at least) of where it was simulated",
        f"  {'':22}{'injected':>9}{'found':>7}",
        f"  {'S/N above 10':22}{found['injected_snr10']:9}{found['found_snr10']:7}",
        f"  {'faint, S/N 5 to 10':22}{found['injected_snr5_10']:9}{found['found_snr5_10']:7}",
        "False detections, unrelated to any transient or variable star by the same distance: "
        f"{found['false_per_section']:.2f} a section, at most {found['false_per_section_max']}",
        f"astrometry: rms error {found['wcs_rms_mas']:.1f} mas",
        f"zero point: largest error {found['zp_error_mmag']:.1f} mmag",
        f"fluxes: (measured - true) / error has median {found['flux_pull_median']:+.2f}, "
        f"scatter {found['flux_pull_scatter']:.2f}",
        "CPU seconds a section: "
        + (
            ", ".join(f"{name} {seconds:.2f}" for name, seconds in found["cpu_s_per_section"].items())
            or "all kept"
        ),
        "elapsed seconds: "
        + ", ".join(f"{name} {seconds:.1f}" for name, seconds in found["seconds_by_stage"].items()),
    ]
    return "\n".join(lines)
