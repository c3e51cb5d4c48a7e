"""The programs of `docs/examples/python` run as they are."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
import yaml

from seechange_core import Pipeline
from seechange_core.errors import InputError, ProfileError, StoreError
from seechange_core.models import Measurements
from seechange_core.profile.layers import assignments_layer

EXAMPLES = Path(__file__).parents[3] / "docs/examples/python"


@pytest.fixture(scope="module")
def survey(referenced: Any, tmp_path_factory: pytest.TempPathFactory, copy_to: Any) -> Any:
    folder = tmp_path_factory.mktemp("examples")
    return copy_to(referenced, f"sqlite:///{folder / 'seechange.db'}", folder / "data")


@pytest.fixture
def profile(survey: Any, tmp_path: Path) -> Path:
    path = tmp_path / "survey.yaml"
    values = assignments_layer([*survey.assignments, "instrument.use=simcam"]).values
    path.write_text(yaml.safe_dump(dict(values)), "utf-8")
    return path


def run(name: str, *arguments: object, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    path = EXAMPLES / name
    monkeypatch.setattr("sys.argv", [str(path), *map(str, arguments)])
    return runpy.run_path(str(path), run_name="__main__")


def test_subtract_a_pair(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found = run("subtract_a_pair.py", monkeypatch=monkeypatch)
    assert found["detections"].n_rows >= found["bright"].sum() > 0
    assert "<Difference 512 x 512 pixels, with score, flux" in capsys.readouterr().out


def test_process_an_exposure_and_draw_light_curves(
    survey: Any, profile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exposure = survey.files.new[0]
    found = run("process_an_exposure.py", profile, exposure, monkeypatch=monkeypatch)
    assert "detection" in repr(found["pipeline"])
    assert found["section"].report.state == "done"
    assert len(survey.rows(Measurements)) > 20
    assert (tmp_path / "C1.png").stat().st_size > 10_000

    monkeypatch.setenv("SEECHANGE_CONFIG", str(profile))
    drawn = run("light_curves.py", 2, monkeypatch=monkeypatch)
    assert len(drawn["changed"]) == 2
    assert drawn["curve"].n_rows == 1
    assert (tmp_path / f"{drawn['target'].name}.png").stat().st_size > 5_000


def test_what_the_programs_lack_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEECHANGE_CONFIG", raising=False)
    with pytest.raises(SystemExit, match="name the profile of your data"):
        run("light_curves.py", monkeypatch=monkeypatch)
    profile = tmp_path / "profile.yaml"
    profile.write_text(f"storage: {{root: {tmp_path / 'data'}}}")
    monkeypatch.setenv("SEECHANGE_CONFIG", str(profile))
    with pytest.raises((SystemExit, StoreError), match=r"seechange\.db"):
        run("light_curves.py", monkeypatch=monkeypatch)
    with pytest.raises(SystemExit, match=r"python process_an_exposure\.py PROFILE EXPOSURE"):
        run("process_an_exposure.py", monkeypatch=monkeypatch)
    with pytest.raises(SystemExit, match=r"there is no file nothing\.fits"):
        run("process_an_exposure.py", "simcam", "nothing.fits", monkeypatch=monkeypatch)


def test_what_a_pipeline_is_given_is_checked(profile: Path, tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"did you mean detection\.threshold.*\n.*Pipeline"):
        Pipeline(profile, detection={"treshold": 6})
    with pytest.raises(InputError, match="does not exist"):
        Pipeline(profile).run(tmp_path / "nothing.fits")
