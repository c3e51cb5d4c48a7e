"""Runs that are killed at any moment lose nothing and spoil nothing.

SEECHANGE_KILLS says how many times; once by default, for each database.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

KILLS = int(os.environ.get("SEECHANGE_KILLS", "1"))
_SECTIONS = ("C1", "C2")
_ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}


@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"])
def test_killed_runs_end_as_undisturbed_ones(copied: Callable[[Any], Any], referenced: Any) -> None:
    exposure = referenced.files.new[0]
    arguments = ["--jobs=2", f"--sections={','.join(_SECTIONS)}", str(exposure)]
    undisturbed = copied(referenced)
    started = time.perf_counter()
    _finish([*undisturbed.command, *arguments])
    duration_s = time.perf_counter() - started
    expected = undisturbed.contents()

    random = np.random.default_rng(20)
    n_kills = 0
    while n_kills < KILLS:
        survey = copied(referenced)
        command = [*survey.command, *arguments]
        n_own = 0
        while n_kills < KILLS and _killed_after(command, duration_s * random.uniform(0.2, 1.0)):
            n_kills, n_own = n_kills + 1, n_own + 1
        _finish(command)
        found = survey.contents()
        for table, rows in expected.items():
            assert found[table] == rows, table
        assert survey.problems() == []
        _assert_reports_say_what_happened(survey, n_own)


def _killed_after(command: list[str], seconds: float) -> bool:
    """Kill a run and its workers after some time; return False if it ended before."""
    run = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_ENVIRONMENT, start_new_session=True
    )
    try:
        run.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
        return True
    return False


def _finish(command: list[str]) -> None:
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=_ENVIRONMENT)
    assert run.returncode == 0, run.stdout + run.stderr


def _assert_reports_say_what_happened(survey: Any, n_kills: int) -> None:
    reports = survey.reports()
    last = {report.place: report for report in reports}
    assert {place: report.state for place, report in last.items()} == dict.fromkeys(_SECTIONS, "done")
    killed = [report for report in reports if report.state == "failed"]
    assert all(report.error == "the process was killed" for report in killed)
    assert len(killed) <= n_kills * len(_SECTIONS)
    assert not any(report.state == "running" for report in reports)
