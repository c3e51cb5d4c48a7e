"""A profile to start from says what holds anyway."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from click.testing import CliRunner

from seechange_core.cli import cli
from seechange_core.pipeline import process_schemas
from seechange_core.profile import check_layers, commented_profile, load_profile
from seechange_core.profile.layers import Layer
from seechange_core.registry import Registry


def uncommented(text: str) -> str:
    """Take the comment signs away, except from the prose at the beginning, and give what has to be given."""
    body = text[text.index("# ## The camera") :]
    return re.sub(r"(?m)^# ", "", body).replace("  ## must be given", " given")


@pytest.mark.parametrize("instrument", ["decam", "fits", "ls4", "simcam"])
def test_it_holds_the_values_in_use_and_those_of_other_components(instrument: str) -> None:
    registry = Registry()
    profile = load_profile(registry, process_schemas(), instrument=instrument, environment={})
    text = commented_profile(profile, "A survey")
    as_written, as_shown = (yaml.safe_load(one) for one in (text, uncommented(text)))

    assert as_written == {"instrument": {"use": instrument}}
    assert {"zogy", "alardlupton", "use"} <= set(as_shown["subtraction"])
    again = check_layers(registry, process_schemas(), [Layer("as shown", as_shown)])
    assert [(key, value) for key, value, _ in again.values()] == [
        (key, value) for key, value, _ in profile.values()
    ]


def test_it_says_what_parameters_mean_with_unit_and_bounds() -> None:
    text = CliRunner().invoke(cli, ["profile", "new", "mine", "--instrument", "simcam", "-o", "-"]).output
    threshold = text.index("#   threshold: 5.0\n", text.index("# detection:"))
    assert text[:threshold].endswith("#   ## Least absolute significance of a detection [sigma; > 0]\n")


def test_a_file_that_is_there_stays(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["profile", "new", "mine", "--instrument", "simcam"]
    assert CliRunner().invoke(cli, command).exit_code == 0
    checked = CliRunner().invoke(cli, ["profile", "check", "mine.yaml"])
    assert checked.output.startswith("The profile of simcam is valid. It uses:\n")
    assert "exists already" in str(CliRunner().invoke(cli, command).exception)


def test_it_holds_nothing_of_the_environment(tmp_path, monkeypatch) -> None:
    command = ["profile", "new", "mine", "--instrument", "simcam", "-o", "-"]
    usual = CliRunner().invoke(cli, command).output
    survey = tmp_path / "other.yaml"
    survey.write_text("detection: {threshold: 7.5}\n")
    monkeypatch.setenv("SEECHANGE_CONFIG", str(survey))
    monkeypatch.setenv("SEECHANGE__STORAGE__ROOT", "/data/of/mine")
    monkeypatch.setenv("SEECHANGE__RUNNER__JOBS", "3")
    assert CliRunner().invoke(cli, command).output == usual


def test_check_names_what_a_file_would_use_or_what_is_wrong_with_it(tmp_path) -> None:
    survey = tmp_path / "survey.yaml"
    survey.write_text(
        "instrument: {use: simcam}\nsubtraction:\n  use: zogy\n  when:\n    seeing_arcsec > 2: {use: alardlupton}\n"
    )
    rows = json.loads(CliRunner().invoke(cli, ["profile", "check", str(survey), "--json"]).output)
    used = {row["in"]: row for row in rows}
    zogy = Registry().component("subtractor", "zogy")
    assert (used["subtraction"]["component"], used["subtraction"]["version"]) == ("zogy", zogy.version)
    assert used["subtraction"]["package"] == "seechange-zogy"
    assert used["subtraction when seeing_arcsec > 2"]["component"] == "alardlupton"
    assert used["instrument"]["component"] == "simcam"
    assert {"astrocal.catalog", "scoring"} <= used.keys()
    survey.write_text("instrument: {use: simcam}\ndetection: {treshold: 6}\n")
    told = str(CliRunner().invoke(cli, ["profile", "check", str(survey)]).exception)
    assert "did you mean detection.threshold?" in told
    assert f"in {survey}, key detection.treshold" in told
