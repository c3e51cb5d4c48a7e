"""What benchmarks share: CPU seconds of one process."""

from __future__ import annotations

import time
from collections.abc import Callable


def best(action: Callable[[], object], repeat: int) -> float:
    """CPU seconds of the fastest of several runs; one more before them compiles."""
    action()
    seconds = []
    for _ in range(repeat):
        start = time.process_time()
        action()
        seconds.append(time.process_time() - start)
    return min(seconds)
