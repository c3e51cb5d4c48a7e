"""Labels that `seechange score train` reads, and what scorers do that cannot learn."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from seechange_core.api import Scorer
from seechange_core.commands.score import read_labels, score
from seechange_core.errors import InputError, PluginError
from seechange_core.frames import Floats, MeasurementTable, Stamps
from seechange_core.imaging.stamps import cut_triplets


class Fixed(Scorer):
    """Knows nothing."""

    name = "fixed"
    version = "1.0"

    def score(self, stamps: Stamps, measurements: MeasurementTable) -> tuple[Floats, list[dict[str, Any]]]:
        return np.zeros(measurements.n_rows), [{}] * measurements.n_rows


def test_labels_are_read(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("candidate,by,label\nSC2023a,me,real\n 7f3c ,me,Bogus\n")
    assert read_labels(file) == {"SC2023a": True, "7f3c": False}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("candidate,label\nSC2023a,maybe\n", r"line 2: needed are .*'maybe'"),
        ("name,label\nSC2023a,real\n", r"line 2: needed are 'candidate'"),
        ("candidate,label\n", "has no labels"),
    ],
)
def test_wrong_labels_are_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "labels.csv"
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        read_labels(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.csv cannot be read"):
        read_labels(tmp_path / "nothing.csv")


def test_a_scorer_need_neither_learn_nor_know_itself(tmp_path: Path) -> None:
    assert Fixed().record() == {}
    plane = np.zeros((9, 9), np.float32)
    stamps = cut_triplets([], [], 5, plane, plane, plane, np.zeros((9, 9), np.uint16))
    with pytest.raises(PluginError, match=r"scorer fixed 1\.0 cannot be trained"):
        Fixed().train(
            stamps, MeasurementTable.empty(), np.zeros(0, bool), np.zeros(0, int), tmp_path / "model"
        )


def test_what_is_known_of_a_scorer_is_shown() -> None:
    pytest.importorskip("seechange_rbscore", reason="the scorer is seechange-rbscore")
    shown = json.loads(CliRunner().invoke(score, ["show", "--json"]).output)
    assert shown["scorer"] == "rbscore"
    assert 0.0 < shown["threshold"] < 1.0
    assert "bogus_kept" in shown["test"]
    text = CliRunner().invoke(score, ["show"]).output
    assert text.startswith(f"rbscore {shown['version']}: A convolutional network")
    assert "The score is the probability that a candidate is real" in " ".join(text.split())
    assert f"SHA-256 {shown['fingerprint'][:12]}" in text
    assert re.search(rf"^threshold +{shown['threshold']:g} is recommended$", text, re.MULTILINE)
    missed, kept = (f"{shown['test'][key]:.1%}" for key in ("real_missed", "bogus_kept"))
    assert f"{kept} of the bogus ones are kept, {missed} of the real ones are missed" in text
    # What only programs want.
    assert not any(word in text for word in ("reliability", "calibration_error", "{", "["))


def test_a_scorer_of_which_nothing_is_known_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seechange_core.registry.Registry.component", lambda *named: Fixed)
    lines = CliRunner().invoke(score, ["show", "fixed"]).output.splitlines()
    assert lines[0] == "fixed 1.0: Knows nothing."
    assert lines[-1].split(maxsplit=1) == ["threshold", "none is recommended"]
