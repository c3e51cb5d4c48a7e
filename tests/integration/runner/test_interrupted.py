"""Ctrl-C ends a run calmly, and the same command goes on; the log is for machines where that is asked for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from typing import Any

from seechange_core.models import ProvenanceTag

_ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}


def test_interrupted_run_says_how_to_go_on(copied: Callable[[Any], Any], referenced: Any) -> None:
    survey = copied(referenced)
    *program, process = survey.command[: survey.command.index("process") + 1]
    options = survey.command[len(program) + 1 :]
    arguments = [
        process,
        *options,
        "--jobs=1",
        "--sections=C1",
        "--through=subtraction",
        "--tag=stopped",
        str(referenced.files.new[0]),
    ]
    # Tests that run in the background of a shell ignore interrupts, and so would what they start.
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    run = subprocess.Popen(
        [*program, "--verbose", "--log-format=json", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_ENVIRONMENT,
        start_new_session=True,
    )
    signal.signal(signal.SIGINT, usual)
    assert run.stderr is not None
    logged: dict[str, Any] = {}
    while logged.get("step") != "extraction":
        logged = json.loads(run.stderr.readline())
    # As a terminal does: to the program and to its workers.
    os.killpg(run.pid, signal.SIGINT)
    _, errors = run.communicate()

    assert logged["level"] == "info"
    assert logged["made"] is True
    assert run.returncode == 130, errors
    assert errors.strip().endswith("run the same command again to go on from there.")
    assert "Traceback" not in errors
    named = {row.process for row in survey.rows(ProvenanceTag, ProvenanceTag.tag == "stopped")}
    assert "preprocessing" in named
    again = subprocess.run(
        [*program, *arguments], capture_output=True, text=True, check=False, env=_ENVIRONMENT
    )
    assert again.returncode == 0, again.stderr
    assert survey.problems() == []
