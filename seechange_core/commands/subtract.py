"""`seechange subtract`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from seechange_core.commands.output_files import write_output

_set_option = click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change one value of the profile, such as subtraction.zogy.tile=256 or instrument.fits.gain=1.7.",
)


@click.command()
@click.argument("new", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("reference", metavar="REF", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--subtractor", default="zogy", show_default=True, help="Algorithm; 'seechange plugins' lists them."
)
@click.option(
    "-o",
    "--output",
    "--out",
    "out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    show_default="the current folder",
    help="Folder for difference.fits and difference.png.",
)
@_set_option
@click.option("--json", "as_json", is_flag=True, help="Print what was measured as one JSON object.")
def subtract(
    new: Path, reference: Path, subtractor: str, out: Path, assignments: tuple[str, ...], as_json: bool
) -> None:
    """Subtract the image REF from the image NEW, two plain FITS files.

    They need be neither aligned nor alike in size, depth or seeing. What the files hold is used: WCS, gain (GAIN,
    EGAIN, or BUNIT of electron), SATURATE, and extensions named VARIANCE, WEIGHT or ERR, MASK or DQ, and PSF. What they
    do not hold is measured: sky, noise, gain, PSF, the map between the pixels, and the ratio of the fluxes.

    \b
    Writes, to the folder --out:
      difference.fits   DIFFERENCE, VARIANCE, MASK, PSF, SCORE (significance, sigma), FLUX and FLUXERR
                        (electrons of NEW), on the pixels of NEW
      difference.png    new image, aligned reference, difference and significance

    A source that appeared is a peak of SCORE above 5 or so; FLUX and FLUXERR at that pixel are its flux.

    \b
    Examples:
      seechange subtract new.fits ref.fits
      seechange subtract new.fits.fz ref.fits.fz --subtractor alardlupton --out subtracted
      seechange subtract new.fits ref.fits --set instrument.fits.gain=1.7 --json
      seechange subtract raw_new.fits raw_ref.fits --set instrument.fits.extension=C1
    """  # noqa: D301 - click keeps the lines of a paragraph that begins with a backspace
    from seechange_core.builtin.plain_fits import read_plain_image
    from seechange_core.commands.settings import read_profile
    from seechange_core.imaging.astrometry.wcs_cards import cards_from_mapping
    from seechange_core.plots.pairs import plot_subtraction
    from seechange_core.runner.plain_subtraction import measure_plain_pair, subtract_plain_pair
    from seechange_core.store.formats.plain_difference import write_plain_difference

    profile = read_profile(None, "fits", (f"subtraction.use={subtractor}", *assignments))
    params = profile.instrument().params
    images = [read_plain_image(path, params) for path in (new, reference)]
    measured = measure_plain_pair(images[0], images[1], profile)
    subtracted = subtract_plain_pair(measured, profile)
    found = {
        "new": str(new),
        "reference": str(reference),
        "subtractor": subtractor,
        "measured": measured.metrics,
        "subtraction": subtracted.metrics,
    }
    cards: dict[str, Any] = {}
    if images[0].mapping is not None:
        cards = cards_from_mapping(images[0].mapping, images[0].data.shape)
    write_plain_difference(out / "difference.fits", subtracted.difference, cards, found)
    picture = plot_subtraction(
        measured.new_without_sky(), subtracted.aligned_reference, subtracted.difference
    )
    write_output(out / "difference.png", lambda: picture.savefig(out / "difference.png"))
    if as_json:
        click.echo(json.dumps(found, indent=2, default=float))
    else:
        click.echo(_summary(found))
        click.echo(f"wrote {out / 'difference.fits'} and {out / 'difference.png'}")


def _summary(found: dict[str, Any]) -> str:
    measured, subtraction = found["measured"], found["subtraction"]
    lines = []
    for name in ("new", "reference"):
        image = measured[name]
        lines += [
            f"{name}: {found[name]}",
            f"  gain {image['gain']:.4g} ({image['gain_from']}); noise: {image['noise_from']}",
            f"  sky {image['background_electron']:.1f} electron, noise of a pixel {image['rms_electron']:.1f} electron",
            f"  FWHM {image['fwhm_pixel']:.2f} pixel from {image['n_stars']} stars; {image['n_sources']} sources",
        ]
    lines += [
        f"registration: {measured['registration']}; left {subtraction['registration_error_x']:.3f} and "
        f"{subtraction['registration_error_y']:.3f} pixel, {subtraction['n_registration_stars']} stars",
        f"flux ratio (reference / new): {subtraction['flux_ratio']:.4f} from {measured['n_flux_stars']} stars",
        f"{found['subtractor']}: the reference covers {subtraction['overlap']:.1%}; scatter of the significance on "
        f"blank sky {subtraction['score_scatter']:.3f}",
    ]
    return "\n".join(lines)
