"""One new plugin of each kind, installed in a fresh environment, tested there, and run in a chain."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml
from astropy.table import Table

from seechange_core.builtin.simulated_survey import SurveyFiles
from seechange_core.commands.new_plugin import write_package
from seechange_core.registry import REGISTERING_HOOKS

pytestmark = pytest.mark.slow

KINDS = list(REGISTERING_HOOKS)


class Environment:
    """A virtual environment that sees the libraries of this one; what is installed there stays there."""

    def __init__(self, folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        self.python = folder / "bin" / "python"
        found = self.run("-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
        # As a line of a .pth file, so that the editable packages among these libraries are found too.
        line = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})"
        (Path(found.strip()) / "libraries.pth").write_text(f"{line}\n")

    def run(self, *arguments: str | Path, cwd: Path | None = None) -> str:
        """Run Python and return what it printed."""
        done = subprocess.run(
            [self.python, *arguments],
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
        return done.stdout

    def seechange(self, *arguments: str | Path, cwd: Path | None = None) -> str:
        """Run the program."""
        return self.run("-m", "seechange_core.cli", *arguments, cwd=cwd)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("packages")
    for kind in KINDS:
        write_package(kind, f"new_{kind}", folder / kind)
    return {kind: folder / kind for kind in KINDS}


@pytest.fixture(scope="module")
def environment(packages: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    made = Environment(tmp_path_factory.mktemp("environment"))
    options = ("--quiet", "--no-index", "--no-build-isolation", "--no-deps", "--disable-pip-version-check")
    made.run("-m", "pip", "install", *options, *packages.values())
    return made


def test_they_are_installed_there_only(environment: Environment) -> None:
    rows = json.loads(environment.seechange("plugins", "--json"))
    found = {row["package"]: row for row in rows if row["package"].startswith("seechange-new-")}
    assert sorted(found) == sorted(f"seechange-new-{kind}" for kind in KINDS)
    assert {row["error"] for row in found.values()} == {""}
    assert [found[f"seechange-new-{kind}"]["components"] for kind in KINDS] == [
        {kind: [f"new_{kind}"]} for kind in KINDS
    ]
    assert not shutil.which("seechange-new-scorer")


def test_they_pass_their_tests(environment: Environment, packages: dict[str, Path], tmp_path: Path) -> None:
    """All in one process, with the package as it was installed and not as it lies in the folder."""
    tests = [shutil.copytree(folder / "tests", tmp_path / kind) for kind, folder in packages.items()]
    options = (
        "-q",
        "--import-mode=importlib",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        "--rootdir",
        tmp_path,
    )
    told = environment.run("-m", "pytest", *options, *tests)
    assert "skipped" not in told.splitlines()[-1], told


def test_new_camera_goes_through_the_chain(environment: Environment, tmp_path: Path) -> None:
    code = "import pathlib, seechange_new_instrument as new; "
    code += "print(new.NewInstrument().write_simulated(pathlib.Path('raw'), seed=3))"
    exposure = environment.run("-c", code, cwd=tmp_path).strip()
    truth = Table.read(tmp_path / exposure.replace(".fits", ".truth.fits"))
    stars = truth[truth["kind"] == "star"]
    stars["mag_r"], stars["ra_error"], stars["dec_error"] = stars["magnitude"], 1.0, 1.0
    stars["ra", "dec", "mag_r", "ra_error", "dec_error"].write(tmp_path / "stars.fits")
    profile = {"storage": {"root": str(tmp_path / "data")}, **with_catalog("file", tmp_path / "stars.fits")}
    (tmp_path / "survey.yaml").write_text(
        yaml.safe_dump({"instrument": {"use": "new_instrument"}, **profile})
    )
    options = ("--profile", "survey.yaml", "--jobs", "1", "--json")
    reports = json.loads(
        environment.seechange("process", *options, "--through", "photocal", exposure, cwd=tmp_path)
    )["sections"]
    assert [(report["section"], report["state"]) for report in reports] == [("1", "done")], reports


def test_the_others_go_through_a_chain_together(
    environment: Environment, survey_files: SurveyFiles, tmp_path: Path
) -> None:
    """A simulated survey: correction, catalogue, subtraction and scores are those of the new plugins."""
    written_csv(survey_files.catalog, tmp_path / "stars.csv")
    profile = {
        "instrument": {"use": "simcam"},
        "storage": {"root": str(tmp_path / "data")},
        "preprocessing": {
            "use": ["overscan", "bias", "flat", "gain", "new_calibrator", "cosmicrays", "noise"]
        },
        "subtraction": {"use": "new_subtractor"},
        "scoring": {"use": ["new_scorer"]},
        **with_catalog("new_catalog", tmp_path / "stars.csv"),
    }
    (tmp_path / "survey.yaml").write_text(yaml.safe_dump(profile))
    where = ("--profile", "survey.yaml")
    for kind, files in (("bias", survey_files.bias[:3]), ("flat", survey_files.flats[:3])):
        environment.seechange("calibration", "build", kind, *files, *where, "--sections", "C1", cwd=tmp_path)
    one_section = (*where, "--sections", "C1", "--jobs", "1", "--json")
    environment.seechange(
        "process", *one_section, "--through", "photocal", *survey_files.reference[:3], cwd=tmp_path
    )
    environment.seechange(
        "reference", "build", *where, "--filter", "r", "--ra", "150.14", "--dec", "2.2", cwd=tmp_path
    )
    told = json.loads(environment.seechange("process", *one_section, survey_files.new[0], cwd=tmp_path))
    reports = told["sections"]
    assert [report["state"] for report in reports] == ["done"], reports
    rows: list[dict[str, Any]] = json.loads(
        environment.seechange("show", "detections", *where, "--json", cwd=tmp_path)
    )
    assert len(rows) > 10


def with_catalog(name: str, path: Path) -> dict[str, Any]:
    catalog = {"catalog": {"use": name, name: {"path": str(path)}}}
    return {"astrocal": catalog, "photocal": catalog}


def written_csv(catalog: Path, path: Path) -> None:
    table = Table.read(catalog)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table.colnames)
        writer.writerows(table.as_array().tolist())
