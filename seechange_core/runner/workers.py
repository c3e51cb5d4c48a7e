"""Worker processes that survive the death of one of them.

`concurrent.futures` gives up every pending task when one worker is killed. Here a killed worker loses only the task it
was working on, which is tried once more.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from seechange_core import logs

#: A worker's function: takes a task and a function that sends an event to the parent; returns the result.
Work = Callable[[Any, Callable[[Any], None]], Any]
_ATTEMPTS = 2
#: One thread for every numerical library; and the GNU C library keeps the memory of small arrays, which costs much time
#: to give back and take again, and gives back that of large ones at once (bytes). Read when a process starts.
WORKER_ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"),
    "MALLOC_MMAP_THRESHOLD_": str(4 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
}


@dataclass(frozen=True)
class TaskEvent:
    """Something that a worker told of a task before it ended."""

    task: Any
    event: Any


@dataclass(frozen=True)
class TaskResult:
    """How a task ended.

    Parameters
    ----------
    task : any
        As given.
    value : any
        What the work returned; None if it failed.
    error : str
        Empty, or why there is no value: a traceback, or that the worker was killed.
    """

    task: Any
    value: Any = None
    error: str = ""


class _Worker:
    def __init__(self, context: Any, make_work: Callable[[Any], Work], payload: Any) -> None:
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_main, args=(theirs, make_work, payload), daemon=True)
        with _uninterrupted():
            self.process.start()
        theirs.close()
        self.task: tuple[Any, int] | None = None

    def give(self, task: Any, attempt: int) -> None:
        self.task = task, attempt
        # If the worker just died, the sentinel tells.
        with suppress(OSError):
            self.connection.send(task)

    def end(self) -> None:
        with suppress(OSError):
            self.connection.send(None)
        self.connection.close()
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def run_tasks(
    tasks: Sequence[Any], make_work: Callable[[Any], Work], payload: Any, jobs: int
) -> Generator[TaskEvent | TaskResult]:
    """Work on tasks in spawned processes and yield events and results as they come.

    Parameters
    ----------
    tasks : sequence
        Picklable.
    make_work : callable
        Importable function that makes the worker's function from `payload`, once in each process.
    payload : any
        Picklable.
    jobs : int
        Number of processes.
    """
    context = multiprocessing.get_context("spawn")
    waiting = deque((task, 1) for task in tasks)
    workers: list[_Worker] = []
    with _of_workers():
        try:
            workers += [_Worker(context, make_work, payload) for _ in range(min(jobs, len(waiting)))]
            idle = list(workers)
            while waiting or any(worker.task for worker in workers):
                while waiting and idle:
                    idle.pop().give(*waiting.popleft())
                yield from _listen(workers, idle, waiting, lambda: _Worker(context, make_work, payload))
        finally:
            for worker in workers:
                if worker.task:
                    worker.process.terminate()
                worker.end()


def _listen(
    workers: list[_Worker],
    idle: list[_Worker],
    waiting: deque[tuple[Any, int]],
    replace: Callable[[], _Worker],
) -> Iterator[TaskEvent | TaskResult]:
    busy = [worker for worker in workers if worker.task]
    ready = wait([worker.connection for worker in busy] + [worker.process.sentinel for worker in busy])
    for worker in busy:
        if worker.connection in ready:
            try:
                kind, value = worker.connection.recv()
            except (EOFError, OSError):
                kind = "died"
        elif worker.process.sentinel in ready:
            kind = "died"
        else:
            continue
        assert worker.task is not None
        task, attempt = worker.task
        if kind == "event":
            yield TaskEvent(task, value)
            continue
        worker.task = None
        if kind == "died":
            worker.end()
            workers.remove(worker)
            if attempt < _ATTEMPTS:
                waiting.append((task, attempt + 1))
            else:
                code = worker.process.exitcode
                reason = f"the worker was killed {_ATTEMPTS} times (exit code {code}); out of memory?"
                yield TaskResult(task, error=reason)
            if waiting:
                workers.append(replace())
                idle.append(workers[-1])
        else:
            idle.append(worker)
            yield TaskResult(task, value=value) if kind == "result" else TaskResult(task, error=value)


def _main(connection: Connection, make_work: Callable[[Any], Work], payload: Any) -> None:
    logs.configure_as_parent()
    work: Work | None = None
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        if task is None:
            return
        try:
            work = work or make_work(payload)
            answer = "result", work(task, lambda event: connection.send(("event", event)))
        except Exception:
            answer = "error", traceback.format_exc()
        try:
            connection.send(answer)
        except OSError:
            return


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let started processes not hear of Ctrl-C, which a terminal sends to all: their parent ends them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _of_workers() -> Iterator[None]:
    """Let processes that are spawned have the environment of workers."""
    before = {name: os.environ.get(name) for name in WORKER_ENVIRONMENT}
    os.environ.update(WORKER_ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
