"""`seechange fakes run|show`."""

from __future__ import annotations

from pathlib import Path

import click

from seechange_core.commands.output_files import write_output
from seechange_core.commands.process import process
from seechange_core.commands.settings import (
    instrument_option,
    location_options,
    open_located,
    profile_options,
)
from seechange_core.commands.tables import print_rows
from seechange_core.errors import StoreError


@click.group()
def fakes() -> None:
    """Inject sources into images, search them again, and show how complete the search is.

    Nothing of the images themselves changes: neither the sources nor what is found of them become measurements or
    objects. How many sources, where and how bright, the profile says (block injection).
    """


@fakes.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@profile_options
@click.option("--sections", default="", metavar="A,B", help="Only these sections (CCDs).")
@click.option(
    "--jobs", type=click.IntRange(min=1), help="Sections at the same time (default: the number of cores)."
)
@click.option("--tag", help="Provenance tag that this run sets (default: current).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: what became of each section.")
@click.option("--strict", is_flag=True, help="Exit with 1 also if a section was rejected.")
@click.pass_context
def run(
    context: click.Context,
    files: tuple[Path, ...],
    profile_file: Path | None,
    instrument: str,
    assignments: tuple[str, ...],
    sections: str,
    jobs: int | None,
    tag: str | None,
    as_json: bool,
    strict: bool,
) -> None:
    """Search exposures again with injected sources.

    FILES are exposures, or folders of them, as 'seechange process' takes them, and the options have to be the same:
    what is not processed yet is processed first. To have fakes in every image always, set runner.fakes in the profile.
    """
    context.invoke(
        process,
        files=files,
        profile_file=profile_file,
        instrument=instrument,
        assignments=(*assignments, "runner.fakes=true"),
        sections=sections,
        jobs=jobs,
        tag=tag,
        as_json=as_json,
        strict=strict,
    )


@fakes.command()
@click.argument("images", nargs=-1)
@location_options
@instrument_option("Only of this camera.")
@click.option("--filter", "band", default="", help="Only in this filter.")
@click.option("--tag", default="current", show_default=True, help="Of this processing.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="At most so many images, the latest ones.",
)
@click.option(
    "--plot",
    "picture",
    type=click.Path(path_type=Path),
    help="Draw the part that is found by magnitude, and the fluxes, of all these images: PNG, PDF or SVG file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(
    images: tuple[str, ...],
    profile_file: Path | None,
    assignments: tuple[str, ...],
    instrument: str,
    band: str,
    tag: str,
    limit: int,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Show down to which magnitude injected sources are found.

    IMAGES are ids of differences or of new images, which 'seechange show images' lists; by default all. A row is for
    one image, environment (sky; galaxy; star: a change of a star) and stage (detected; measured: not deleted by a cut;
    accepted: not below the threshold that a scorer recommends).
    magnitude50 is where half are found, error50 its error, width the standard deviation of the slope, efficiency the
    part of the brightest that is found. A dash stands for what too few sources decide.
    """
    from seechange_core.models import Image
    from seechange_core.store.fakes import FakesSelection, listed_completeness, recovered_fakes
    from seechange_core.store.row_ids import found_row

    store = open_located(profile_file, assignments)
    chosen = tuple(found_row(store.database, text, Image) for text in images)
    selection = FakesSelection(chosen, instrument, band, tag, limit)
    rows = listed_completeness(store, selection)
    print_rows(
        rows,
        as_json=as_json,
        nothing=f"nothing was injected into such images under the tag {tag!r}; 'seechange fakes run' does it",
    )
    if picture is None:
        return
    from seechange_core.plots.completeness import plot_completeness

    tables = recovered_fakes(store, selection)
    if not tables:
        raise StoreError("there is nothing to draw")
    figure = plot_completeness(tables)
    write_output(picture, lambda: figure.savefig(picture))
    click.echo(str(picture), err=as_json)
