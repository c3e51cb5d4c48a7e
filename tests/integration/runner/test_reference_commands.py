"""`seechange reference`: building, showing, replacing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from seechange_core.cli import cli
from seechange_core.errors import StoreError
from seechange_core.models import Image, Reference


@pytest.fixture
def run(survey: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command of `seechange reference` on a survey with references of both CCDs."""
    for assignment in survey.assignments:
        key, _, value = assignment.partition("=")
        monkeypatch.setenv(f"SEECHANGE__{key.upper().replace('.', '__')}", value)
    return lambda *arguments: CliRunner().invoke(cli, ["reference", *(str(word) for word in arguments)])


def rows(result: Result) -> Any:
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"])
def test_reference_is_replaced_and_everything_made_with_it_is_found(
    run: Callable[..., Result], survey: Any, new_exposure: Any
) -> None:
    (done,) = survey.process([new_exposure])
    (difference,) = survey.rows(Image, Image.is_difference)
    (old,) = survey.rows(Reference, Reference.image_id == difference.ref_image_id)
    shown = rows(run("show", old.identity, "--json"))
    products = {step.process: step.product_id for step in done.steps}
    made = {entry["process"]: entry["product"] for entry in shown["made_with_it"]}
    assert made == {process: products[process] for process in made}
    assert set(made) == {"subtraction", "detection", "cutting", "measuring", "surroundings", "scoring"}
    assert len(shown["members"]) == 3
    assert shown["metrics"]["coaddition"]["n_members"] == 3

    two = [word for member in shown["members"][:2] for word in ("--images", member["image"])]
    options = ("--instrument", "simcam", "--filter", old.filter)
    beside = run("build", *options, *two)
    assert beside.exit_code == 0, beside.output
    assert f"covered as well by {old.identity}" in beside.output
    built = rows(run("build", *options, *two, "--replace", old.identity, "--json"))
    assert built["replaced"] == [old.identity]
    text = run("show", old.identity).output
    assert f"replaced by {built['reference']}" in text
    assert made["subtraction"] in text
    assert rows(run("show", built["reference"], "--json"))["made_with_it"] == []
    position = ("--ra", old.ra, "--dec", old.dec)
    assert [row["reference"] for row in rows(run("list", *position, "--json"))] == [built["reference"]]
    retired = rows(run("list", *position, "--retired", "--json"))
    assert {row["reference"]: row["replaced_by"] for row in retired} == {
        built["reference"]: None,
        old.identity: built["reference"],
    }
    (listed,) = rows(run("sets", "--json"))
    assert (listed["set"], listed["references"], listed["retired"]) == ("default", 2, 1)
    assert "default" in run("sets").output


def test_what_cannot_be_replaced_is_an_error(run: Callable[..., Result], survey: Any) -> None:
    image = survey.rows(Image, Image.is_coadd.is_(False))[0]
    wrong = run(
        "build",
        "--instrument",
        "simcam",
        "--filter",
        image.filter,
        "--images",
        image.id,
        "--replace",
        "nothing",
    )
    assert isinstance(wrong.exception, StoreError)
    assert "no reference nothing" in str(wrong.exception)
    assert run("list", "--ra", 1.0).exit_code == 2
