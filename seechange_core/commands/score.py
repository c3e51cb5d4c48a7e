"""`seechange score show|train`."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import click

from seechange_core.commands.settings import location_options, open_located
from seechange_core.errors import InputError
from seechange_core.registry import Registry

_LABELS = {"real": True, "bogus": False}


@click.group()
def score() -> None:
    """Show how well a scorer tells real from bogus, and train one on labels of your own."""


@score.command()
@click.argument("scorer", default="rbscore")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(scorer: str, as_json: bool) -> None:
    """Show what SCORER (rbscore, if left out) was trained on, and how well it scores what it was not.

    With it comes the threshold that is recommended, what is kept of the bogus ones at it, and what is missed of the
    real ones.
    """
    component = Registry().component("scorer", scorer)()
    found = {
        "scorer": scorer,
        "version": component.version,
        "fingerprint": component.fingerprint(),
        **component.record(),
    }
    _print(found, as_json)


@score.command()
@click.argument("labels", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--scorer", default="rbscore", show_default=True, help="'seechange plugins' lists them.")
@click.option(
    "-o",
    "--output",
    "--out",
    "out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="File for the new model.",
)
@location_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def train(
    labels: Path,
    scorer: str,
    out: Path,
    profile_file: Path | None,
    assignments: tuple[str, ...],
    as_json: bool,
) -> None:
    """Train a scorer further on candidates of your survey that somebody has labelled.

    LABELS is a CSV file with the columns 'candidate' (the id of a measurement, or the name of an object for all its
    measurements) and 'label' (real or bogus). What is printed was measured on a quarter of the candidates, which was
    not trained on.

    \b
    Example:
      seechange score train labels.csv --out survey.onnx
    and then, in the profile:
      scoring:
        rbscore: {model: survey.onnx}
    """  # noqa: D301 - click keeps the lines of a paragraph that begins with a backspace
    from seechange_core.store.labelled import labelled_candidates

    named = read_labels(labels)
    component = Registry().component("scorer", scorer)()
    stamps, measurements, real = labelled_candidates(open_located(profile_file, assignments), named)
    _print({"model": str(out), **component.train(stamps, measurements, real, out)}, as_json)


def read_labels(path: Path) -> dict[str, bool]:
    """Read a CSV file of labels: whether each candidate is real.

    Raises
    ------
    InputError
        If it cannot be read, lacks a column, or has another label.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    found = {}
    for line, row in enumerate(rows, start=2):
        label = (row.get("label") or "").strip().lower()
        if not row.get("candidate") or label not in _LABELS:
            raise InputError(
                f"{path}, line {line}: needed are 'candidate' (id of a measurement or name of an object) and "
                f"'label' (real or bogus), there is {row}"
            )
        found[row["candidate"].strip()] = _LABELS[label]
    if not found:
        raise InputError(f"{path} has no labels: its columns are 'candidate' and 'label'")
    return found


def _print(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        if isinstance(value, dict):
            click.echo(f"{name}:")
            for inner, number in value.items():
                click.echo(f"  {inner:50} {number}")
        else:
            click.echo(f"{name:52} {value}")
