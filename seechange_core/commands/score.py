"""`seechange score show|train`."""

from __future__ import annotations

import csv
import inspect
import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from seechange_core.commands.settings import location_options, open_located
from seechange_core.errors import InputError
from seechange_core.registry import Registry

_LABELS = {"real": True, "bogus": False}
_WIDTH = 110


@click.group()
def score() -> None:
    """Show how well a scorer tells real from bogus, and train one on labels of your own."""


@score.command()
@click.argument("scorer", default="rbscore")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(scorer: str, as_json: bool) -> None:
    """Show what the real-bogus score of SCORER (rbscore, if left out) means, and how far it can be trusted.

    With it come the weights as installed, what they were trained on, and the threshold that is recommended: what part
    of the bogus candidates it keeps, and what part of the real ones it misses.
    """
    component = Registry().component("scorer", scorer)()
    record, fingerprint = component.record(), component.fingerprint()
    if as_json:
        about = {"scorer": scorer, "version": component.version, "fingerprint": fingerprint}
        click.echo(json.dumps({**about, **record}, indent=2))
        return
    meaning = " ".join((inspect.getdoc(type(component)) or "").replace("``", "").split())
    click.echo(
        textwrap.fill(f"{scorer} {component.version}: {meaning}", _WIDTH, subsequent_indent="  ")
        + f"\n{'score':12} 0 (bogus) to 1 (real)"
    )
    if fingerprint:
        click.echo(f"{'weights':12} those installed, SHA-256 {fingerprint[:12]}...")
    for line in described(record):
        click.echo(line)


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
    measurements) and 'label' (real or bogus). What is printed was measured on a quarter of the candidates, whose
    objects were not trained on.

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
    labelled = labelled_candidates(open_located(profile_file, assignments), named)
    record = component.train(*labelled, out)
    if as_json:
        click.echo(json.dumps({"model": str(out), **record}, indent=2))
        return
    for line in (f"{'weights':12} {out}", *described(record)):
        click.echo(line)


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


def described(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield lines that say what a person wants to know of a scorer's `Scorer.record`."""
    threshold, judged = record.get("threshold"), record.get("test", {})
    if threshold is None:
        yield f"{'threshold':12} none is recommended"
    else:
        yield f"{'threshold':12} {threshold:g} is recommended"
    rates = [
        f"{judged[key]:.1%} of the {whose}"
        for key, whose in (
            ("bogus_kept", "bogus ones are kept"),
            ("real_missed", "real ones are missed"),
            ("real_above_snr_7_missed", "real ones above S/N 7 are missed"),
        )
        if key in judged
    ]
    if rates:
        yield f"{'':12} at it {', '.join(rates)}"
        yield f"{'judged on':12} {_counts(judged)}, not trained on"
    for name, counts in record.get("trained_on", {}).items():
        yield f"{'trained on':12} {name.replace('_', ' ')}: {_counts(counts)}"


def _counts(counts: Mapping[str, Any]) -> str:
    return f"{counts['n_real']} real and {counts['n_bogus']} bogus candidates"
