"""`seechange plot image|astrometry|difference|stamps`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from seechange_core.commands.output_files import write_output
from seechange_core.commands.settings import location_options, open_located
from seechange_core.errors import StoreError


@click.group()
def plot() -> None:
    """Draw images, residuals of the astrometry, differences and stamps.

    Images are named by the ids that 'seechange show images' lists, or the first digits of them.
    """


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    output = click.option(
        "-o",
        "--output",
        required=True,
        type=click.Path(path_type=Path),
        help="PNG, PDF or SVG file to write.",
    )
    return location_options(output(command))


@plot.command()
@click.argument("image_id")
@_options
def image(image_id: str, profile_file: Path | None, assignments: tuple[str, ...], output: Path) -> None:
    """Draw a calibrated image or a coadd.

    A difference is drawn as it is; 'seechange plot difference' draws it with its detections.
    """
    from seechange_core.models import Image
    from seechange_core.plots.images import plot_image
    from seechange_core.store import DataStore
    from seechange_core.store.row_ids import found_row

    store = open_located(profile_file, assignments)
    found = DataStore(store, image_id=found_row(store.database, image_id, Image)).get_image()
    if found is None:
        raise StoreError(f"there is no image {image_id}; 'seechange show images' lists them")
    what = "Difference" if found.is_difference else "Coadd" if found.is_coadd else "Image"
    _save(plot_image(found.product, title=_title(what, found)).get_figure(root=True), output)


@plot.command()
@click.argument("image_id")
@_options
def astrometry(image_id: str, profile_file: Path | None, assignments: tuple[str, ...], output: Path) -> None:
    """Draw the residuals of the stars that the astrometry used.

    As arrows over the image, and against one another.
    """
    from seechange_core.models import Image
    from seechange_core.plots.astrometry import plot_residuals
    from seechange_core.store import DataStore
    from seechange_core.store.row_ids import found_row

    store = open_located(profile_file, assignments)
    data = DataStore(store, image_id=found_row(store.database, image_id, Image))
    found, stars = data.get_image(), data.get_matched_stars()
    if found is None or stars is None:
        raise StoreError(
            f"no astrometry of the image {image_id} used stars; 'seechange show images' lists images"
        )
    title = _title("Residuals of the astrometry", found)
    _save(plot_residuals(stars, found.product.shape, title=title), output)


@plot.command()
@click.argument("image_id")
@_options
def difference(image_id: str, profile_file: Path | None, assignments: tuple[str, ...], output: Path) -> None:
    """Draw a difference with its detections.

    IMAGE_ID is the difference, or the new image.
    """
    from seechange_core.plots.images import plot_difference

    data = _of_new_image(profile_file, assignments, image_id)
    found, detections = data.get_subtraction(), data.get_detections()
    if found is None or detections is None:
        raise StoreError(f"nothing was subtracted and detected on the image {image_id}: process it first")
    axes = plot_difference(found.product, detections.data, title=_title("Difference", found))
    _save(axes.get_figure(root=True), output)


@plot.command()
@click.argument("image_id")
@_options
@click.option(
    "--limit", type=click.IntRange(min=1), default=60, show_default=True, help="At most so many candidates."
)
def stamps(
    image_id: str, profile_file: Path | None, assignments: tuple[str, ...], output: Path, limit: int
) -> None:
    """Draw the stamps of candidates.

    A page of new image, reference, difference and score of each, the most significant first. IMAGE_ID is the
    difference, or the new image.
    """
    import numpy as np

    from seechange_core.plots.candidates import plot_stamps

    data = _of_new_image(profile_file, assignments, image_id)
    cutouts, measurements = data.get_cutouts(), data.get_measurement_table()
    if cutouts is None or measurements is None:
        raise StoreError(f"no candidates were measured on the image {image_id}: process it first")
    rows = np.argsort(-np.abs(measurements["score"]), kind="stable")[:limit]
    chosen = cutouts.data.rows(measurements["stamp"])
    title = _title("New, reference, difference, significance", data.get_subtraction())
    page = plot_stamps(chosen, measurements, data.get_score_table(), rows=rows.tolist(), title=title)
    _save(page, output)


def _of_new_image(profile_file: Path | None, assignments: tuple[str, ...], image_id: str) -> Any:
    """Return the `DataStore` of a new image, given it or its difference."""
    from seechange_core.models import Image
    from seechange_core.store import DataStore
    from seechange_core.store.row_ids import found_row

    store = open_located(profile_file, assignments)
    data = DataStore(store, image_id=found_row(store.database, image_id, Image))
    found = data.get_image()
    return data if found is None or not found.is_difference else DataStore(store, image_id=found.new_image_id)


def _title(what: str, image: Any) -> str:
    place = image.section or image.sky_cell
    return f"{what}: {image.instrument} {place}, {image.filter}, MJD {image.mjd:.5f}"


def _save(figure: Any, output: Path) -> None:
    write_output(output, lambda: figure.savefig(output))
    click.echo(str(output))
