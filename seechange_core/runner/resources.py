"""What a computation costs: CPU seconds and memory."""

from __future__ import annotations

import contextlib
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
    """

    result: Result
    cpu_s: float
    peak_mb: float


def measured(compute: Callable[[], Result]) -> Measured[Result]:
    """Compute something and measure what that takes."""
    with contextlib.suppress(OSError):
        _RESET.write_text(_RESET_PEAK, "ascii")
    started = time.process_time()
    result = compute()
    return Measured(result, time.process_time() - started, _peak_mb())


def _peak_mb() -> float:
    try:
        line = next(line for line in _STATUS.read_text("ascii").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e6
    except (OSError, StopIteration):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
