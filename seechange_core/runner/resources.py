"""What a computation may use and what it costs: cores, CPU seconds and memory."""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

Result = TypeVar("Result")
_RESET = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")
_RESET_PEAK = "5"


@dataclass(frozen=True)
class Measured(Generic[Result]):
    """A result and what it cost.

    Parameters
    ----------
    result : object
        What was computed.
    cpu_s : float
        CPU seconds of this process.
    peak_mb : float
        Most memory that this process held meanwhile (resident, 10^6 byte), with all that it held before. Where the
        system cannot tell that (other than Linux), the most since the process began.
    added_mb: float
        Of this, what the computation added; NaN where the system cannot tell.
    """

    result: Result
    cpu_s: float
    peak_mb: float
    added_mb: float


def n_cores() -> int:
    """Return how many cores this process may use, which may be fewer than the machine has."""
    if hasattr(os, "process_cpu_count"):
        return os.process_cpu_count() or 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def measured(compute: Callable[[], Result]) -> Measured[Result]:
    """Compute something and measure what that takes."""
    restart_peak()
    before_mb = _memory_mb("VmRSS")
    started = time.process_time()
    result = compute()
    cpu_s, most_mb = time.process_time() - started, peak_mb()
    return Measured(result, cpu_s, most_mb, most_mb - before_mb)


def restart_peak() -> None:
    """Let `peak_mb` begin anew, where the system can."""
    with contextlib.suppress(OSError):
        _RESET.write_text(_RESET_PEAK, "ascii")


def peak_mb() -> float:
    """Return the most memory (resident, 10^6 byte) that this process held since the last restart, or its start."""
    most_mb = _memory_mb("VmHWM")
    return most_mb if math.isfinite(most_mb) else _highest_mb()


def release_memory() -> None:
    """Give memory back that was freed but is kept for small arrays, where the system's C library can (GNU)."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def _memory_mb(name: str) -> float:
    """Return a line of the process's status as Linux gives it; NaN elsewhere."""
    try:
        lines = _STATUS.read_text("ascii").splitlines()
    except OSError:
        return math.nan
    return next(
        (int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(f"{name}:")), math.nan
    )


def _highest_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
