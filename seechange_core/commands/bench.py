"""`seechange bench subtract`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

_COLUMNS = (
    ("subtractor", "subtractor", "{}"),
    ("completeness", "complete", "{:.3f}"),
    ("threshold", "at sigma", "{:.2f}"),
    ("n_false", "false>5", "{}"),
    ("score_scatter", "scatter", "{:.3f}"),
    ("snr50_sky", "snr50 sky", "{:.2f}"),
    ("snr50_galaxy", "galaxy", "{:.2f}"),
    ("star_score", "on stars", "{:.2f}"),
    ("star_residual", "left of them", "{:.2%}"),
    ("flux_bias", "flux bias", "{:+.2%}"),
    ("cpu_s", "CPU s", "{:.2f}"),
    ("peak_mb", "peak MB", "{:.0f}"),
)


@click.group()
def bench() -> None:
    """Compare algorithms on the same images."""


@bench.command()
@click.argument("images", nargs=-1, type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--subtractor",
    "subtractors",
    multiple=True,
    help="Algorithm; may be given more than once (default: all that 'seechange plugins' lists).",
)
@click.option(
    "--simulate", "seed", type=click.IntRange(min=0), metavar="SEED", help="Simulate a pair instead."
)
@click.option(
    "--conditions",
    default="aligned",
    show_default=True,
    help="Of the simulation, such as displaced, swapped, equal, undersampled, elongated, bright-sky, spoilt, partial.",
)
@click.option(
    "--size",
    nargs=2,
    type=click.IntRange(min=256),
    default=(2048, 2048),
    show_default=True,
    metavar="ROWS COLUMNS",
    help="Of the simulated images.",
)
@click.option(
    "--injected",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="Sources to inject into each of IMAGES.",
)
@click.option(
    "--injection-seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of these sources."
)
@click.option(
    "--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Change one value of the profile."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def subtract(
    images: tuple[Path, ...],
    subtractors: tuple[str, ...],
    seed: int | None,
    conditions: str,
    size: tuple[int, int],
    injected: int,
    injection_seed: int,
    assignments: tuple[str, ...],
    as_json: bool,
) -> None:
    """Compare subtraction algorithms on plain FITS images, or on a simulated pair.

    Of several IMAGES the last is the reference of all others. Where nothing is known of what changed, point sources of
    a signal-to-noise ratio of 3 to 30 are injected into the new images. PSFs, noise, registration and flux ratio are
    measured once and are the same for all algorithms.

    \b
    complete      part of the transients found, at the threshold ('at sigma') that leaves
                  every algorithm the same number of false detections, 10 a CCD of 2048 x 4096
    false>5       false detections beyond 5 sigma
    scatter       of the significance on blank sky; 1 if the noise is right
    snr50         signal-to-noise ratio, at best possible, of which half are found beyond 5 sigma
    on stars      scatter of the significance at stars; 1 if only noise is left of them
    left of them  what is left of the flux of bright stars
    flux bias     of the transients
    CPU s, peak MB  of the subtraction alone, in a warm process

    \b
    Examples:
      seechange bench subtract --simulate 1
      seechange bench subtract --subtractor zogy --subtractor alardlupton new1.fits new2.fits ref.fits
    """  # noqa: D301 - click keeps the lines of a paragraph that begins with a backspace
    from seechange_core.commands.settings import read_profile
    from seechange_core.errors import UnknownComponentError
    from seechange_core.runner.subtractor_comparison import compare_subtractors

    if (seed is None) == (len(images) < 2):
        raise click.UsageError("name two images or more, the reference last, or --simulate SEED")
    profile = read_profile(None, "fits", assignments)
    installed = profile.registry.components("subtractor")
    for name in subtractors:
        if name not in installed:
            raise UnknownComponentError(
                profile.registry.unknown_component_message("subtractor", name, sorted(installed))
            )
    chosen = {
        name: read_profile(None, "fits", (*assignments, f"subtraction.use={name}")).components("subtraction")[
            ""
        ][0]
        for name in subtractors or sorted(installed)
    }
    found = []
    for known in _pairs(images, seed, conditions, size, injected, injection_seed, profile):
        figures = compare_subtractors(known, chosen)
        found += [asdict(one) for one in figures]
        if not as_json:
            click.echo(f"{known.name}: {known.truth.transients.n_rows} transients")
            click.echo(_table([asdict(one) for one in figures]))
    if as_json:
        click.echo(json.dumps(found, indent=2))


def _pairs(
    images: tuple[Path, ...],
    seed: int | None,
    conditions: str,
    size: tuple[int, int],
    injected: int,
    injection_seed: int,
    profile: Any,
) -> Iterator[Any]:
    """Yield the pairs on which algorithms are compared, one at a time."""
    import numpy as np

    from seechange_core.builtin.plain_fits import read_plain_image
    from seechange_core.runner.known_pairs import injected_known_pair, simulated_known_pair
    from seechange_core.runner.plain_subtraction import measure_plain_pair
    from seechange_core.simulation.image_pair import CONDITIONS

    if seed is not None:
        if conditions not in CONDITIONS:
            raise click.UsageError(
                f"no conditions are called {conditions!r}; there are {', '.join(CONDITIONS)}"
            )
        yield simulated_known_pair(seed, size, CONDITIONS[conditions], profile)
        return
    params = profile.instrument().params
    reference = read_plain_image(images[-1], params)
    for path in images[:-1]:
        measured = measure_plain_pair(read_plain_image(path, params), reference, profile)
        rng = np.random.default_rng(injection_seed)
        yield injected_known_pair(str(path), measured, injected, rng, profile)


def _table(rows: list[dict[str, Any]]) -> str:
    lines = [[title for _, title, _ in _COLUMNS]]
    for row in rows:
        if row["failure"]:
            lines.append([row["subtractor"], f"failed: {row['failure']}"])
        else:
            lines.append([form.format(row[key]) for key, _, form in _COLUMNS])
    full = [line for line in lines if len(line) == len(_COLUMNS)]
    widths = [max(len(line[column]) for line in full) for column in range(len(_COLUMNS))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if column == 0 else text.rjust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=False))
        )
        for line in lines
    )
