"""Workers come back from the dead, and take only their own task with them.

Each of them imports this module: it loads no database and no numerics.
"""

from __future__ import annotations

import os
import signal

from seechange_core.runner.workers import TaskEvent, TaskResult, run_tasks


def make_work(payload):
    folder = payload

    def work(task, tell):
        tell(("started", os.getpid()))
        if task == "raise":
            raise ValueError("this task is bad")
        if task == "die" or (task == "die once" and not os.path.exists(os.path.join(folder, "died"))):
            open(os.path.join(folder, "died"), "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return f"{task} done with {os.environ['OMP_NUM_THREADS']} thread"

    return work


def run(tasks, folder, jobs):
    answers = list(run_tasks(tasks, make_work, str(folder), jobs))
    results = {answer.task: answer for answer in answers if isinstance(answer, TaskResult)}
    events = [answer for answer in answers if isinstance(answer, TaskEvent)]
    return results, events


def test_one_bad_task_leaves_the_others_alone(tmp_path):
    tasks = ["a", "die", "b", "raise", "die once", "c"]
    results, events = run(tasks, tmp_path, jobs=2)
    assert set(results) == set(tasks)
    assert [results[name].value for name in ("a", "b", "c")] == [f"{n} done with 1 thread" for n in "abc"]
    assert "this task is bad" in results["raise"].error
    assert "killed 2 times (exit code -9)" in results["die"].error
    # "die" ran first, so the marker of "die once" may be there already; either way it ends well.
    assert results["die once"].error == ""
    assert sum(event.task == "die" for event in events) == 2


def test_task_that_kills_its_worker_once_is_tried_again(tmp_path):
    results, events = run(["die once"], tmp_path, jobs=1)
    assert results["die once"].value is not None
    assert len(events) == 2


def test_surroundings_are_left_as_they_were(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    run(["a"], tmp_path, jobs=1)
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


def test_no_tasks_no_workers(tmp_path):
    assert run([], tmp_path, jobs=4) == ({}, [])
