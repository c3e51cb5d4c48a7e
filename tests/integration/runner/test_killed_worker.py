"""A worker that the system kills loses its own section only, which is tried once more."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from seechange_core.runner.section_report import DONE, FAILED

#: A plugin whose correction kills the worker on one CCD, as the kernel does when memory runs out.
_PLUGIN = '''
import os, signal
from typing import ClassVar
from seechange_core.api import Detrender, hookimpl

class Deadly(Detrender):
    """Kills the process on C1."""
    name: ClassVar[str] = "deadly"
    version: ClassVar[str] = "1.0"

    def apply(self, section, calibrations):
        if section.info["section"] == "C1":
            os.kill(os.getpid(), signal.SIGKILL)
        return section

@hookimpl
def register_calibrators():
    return [Deadly]
'''


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment in which the plugin is installed."""
    installed = tmp_path / "installed"
    metadata = installed / "seechange_deadly-1.0.dist-info"
    metadata.mkdir(parents=True)
    (installed / "seechange_deadly.py").write_text(_PLUGIN)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: seechange-deadly\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[seechange]\ndeadly = seechange_deadly\n")
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([str(installed), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]),
        "OMP_NUM_THREADS": "1",
    }


@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"])
def test_killed_worker_loses_its_section_only(
    survey: Any, new_exposure: Path, environment: dict[str, str]
) -> None:
    corrections = "preprocessing.use=[deadly,overscan,saturation,bias,flat,gain,edges,noise]"
    run = subprocess.run(
        [
            *survey.command,
            "--jobs=2",
            "--json",
            f"--set={corrections}",
            "--through=photocal",
            str(new_exposure),
        ],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert run.returncode == 1, run.stderr
    reports = {report["section"]: report for report in json.loads(run.stdout)["sections"]}
    assert {section: report["state"] for section, report in reports.items()} == {"C1": FAILED, "C2": DONE}
    assert "the worker was killed 2 times (exit code -9); out of memory?" in reports["C1"]["reason"]
    told = [(report.place, report.state, report.error) for report in survey.reports()]
    assert sorted(told) == [("C1", FAILED, "the process was killed")] * 2 + [("C2", DONE, "")]
