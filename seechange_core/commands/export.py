"""`seechange export`: an image for programs that know nothing of SeeChange."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from seechange_core.commands.output_files import write_output
from seechange_core.commands.settings import location_options, open_located
from seechange_core.errors import StoreError


@click.command()
@click.argument("image_id")
@location_options
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="FITS file to write; must not exist.",
)
@click.option(
    "--distortion",
    type=click.Choice(["sip", "tpv"]),
    default="sip",
    show_default=True,
    help="How the WCS is written: SWarp ignores SIP silently and needs tpv; much other software reads only SIP.",
)
def export(
    image_id: str,
    profile_file: Path | None,
    assignments: tuple[str, ...],
    output: Path,
    distortion: Literal["sip", "tpv"],
) -> None:
    """Write an image as plain FITS: pixels, variance and mask, with the WCS and zero point that were measured.

    IMAGE_ID is one that 'seechange show images' lists; its first digits are enough:

    \b
      seechange export c7077aa4 -o image.fits
      seechange export c7077aa4 -o for-swarp.fits --distortion tpv
    """  # noqa: D301 - click keeps the lines of a paragraph that begins with a backspace
    from seechange_core.models import Image
    from seechange_core.store import DataStore
    from seechange_core.store.formats.exported import exported_bytes
    from seechange_core.store.row_ids import found_row

    store = open_located(profile_file, assignments)
    data = DataStore(store, image_id=found_row(store.database, image_id, Image))
    image = data.get_image()
    if image is None or image.is_difference:
        raise StoreError(f"there is no image {image_id} to export; 'seechange show images' lists them")
    mapping, photometry = data.get_wcs(), data.get_zp()
    if mapping is None:
        raise StoreError(
            f"the image {image_id} has no astrometric solution: process it through astrocal first"
        )
    content = exported_bytes(
        image.product, mapping.data, None if photometry is None else photometry.data, distortion
    )

    def write() -> None:
        with output.open("xb") as file:
            file.write(content)

    write_output(output, write)
    click.echo(str(output))
