"""`seechange lightcurve`."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from seechange_core.commands.output_files import write_output
from seechange_core.commands.settings import location_options, open_located
from seechange_core.commands.sky_position import sexagesimal

_FORMATS = ("csv", "ecsv", "parquet")


@click.command()
@click.argument("name", metavar="OBJECT")
@location_options
@click.option(
    "--forced",
    is_flag=True,
    help="The flux at its place on every difference image, before and after its discovery; measures what is missing.",
)
@click.option(
    "--event",
    type=(float, float),
    metavar="FIRST LAST",
    help="MJD of what happened; the baseline is the mean of other epochs "
    "(default: 30 days before the first detection to 100 days after the last).",
)
@click.option("--tag", default="current", show_default=True, help="Processing whose fluxes are wanted.")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(_FORMATS),
    default="csv",
    show_default=True,
    help="ECSV and Parquet hold units and meanings of the columns.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write (default: the standard output).",
)
@click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False), help="PNG, PDF or SVG file to draw too."
)
def lightcurve(
    name: str,
    profile_file: Path | None,
    assignments: tuple[str, ...],
    forced: bool,
    event: tuple[float, float] | None,
    tag: str,
    file_format: str,
    output: Path | None,
    plot: Path | None,
) -> None:
    """Give the light curve of an object.

    Without --forced it has what was detected. Fluxes are those in the difference; where the reference has a source at
    this place, forced photometry gives the sum of both as total_flux. flux_unit says what they are in: only nJy are
    calibrated and have magnitudes.
    """
    from seechange_core.registry import Registry
    from seechange_core.runner.forced_photometry import force
    from seechange_core.runner.light_curve import light_curve

    if file_format == "parquet" and output is None and sys.stdout.isatty():
        raise click.UsageError("a Parquet file is not for the screen: name a file with --output")
    store = open_located(profile_file, assignments)
    target = store.objects.find(name)
    if forced:
        force(store, target, tag, lambda done, of: click.echo(f"forced photometry [{done}/{of}]", err=True))
    table = light_curve(store, Registry(), target, tag=tag, forced=forced, event=event)
    content = _content(table, file_format)
    if plot is not None:
        kind = "PSF photometry at its place on every difference" if forced else "detections only"
        place = "" if target.relative_to else f"\n{sexagesimal(target.ra, target.dec)} (ICRS)"
        _draw(table, plot, f"{target.name}: {kind}{place}")
    if output is None:
        sys.stdout.buffer.write(content)
    else:
        _written(output, lambda: output.write_bytes(content))


def _content(table: Any, file_format: str) -> bytes:
    if file_format == "parquet":
        return _parquet(table)
    from astropy.table import Table

    written = Table(dict(table), meta=table.meta)
    for name, (_, _, meaning) in table.COLUMNS.items():
        written[name].unit = table.unit(name) or None
        written[name].description = meaning
    text = io.StringIO()
    written.write(text, format=f"ascii.{file_format}")
    return text.getvalue().encode()


def _parquet(table: Any) -> bytes:
    import pyarrow
    from pyarrow import parquet

    arrays = [pyarrow.array(values) for values in table.values()]
    fields = [
        pyarrow.field(
            name, values.type, metadata={"unit": table.unit(name), "description": table.COLUMNS[name][2]}
        )
        for name, values in zip(table, arrays, strict=True)
    ]
    schema = pyarrow.schema(fields, metadata={key: str(value) for key, value in table.meta.items()})
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_arrays(arrays, schema=schema), buffer)
    return buffer.getvalue()


def _draw(table: Any, path: Path, title: str) -> None:
    from seechange_core.plots.light_curves import plot_light_curve

    columns = (table[name] for name in ("mjd", "flux", "flux_error", "filter"))
    unit = " or ".join(sorted(set(table["flux_unit"])))
    figure: Any = plot_light_curve(*columns, unit=unit, title=title).get_figure(root=True)
    _written(path, lambda: figure.savefig(path))


def _written(path: Path, write: Callable[[], object]) -> None:
    write_output(path, write)
    click.echo(str(path), err=True)
