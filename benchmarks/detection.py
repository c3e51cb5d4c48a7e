"""Time detection and the scatter of the score on one simulated difference: ``python benchmarks/detection.py``.

CPU seconds of this process with one thread, best of several runs after one that compiles.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from seechange_core.imaging.subtraction.score_scatter import score_scatter
from seechange_core.registry import Registry
from seechange_core.runner.subtractor_comparison import with_score
from seechange_core.simulation.image_pair import CCD_SHAPE, image_pair
from seechange_core.steps.detection import DetectionParams, detect


def best(action: Callable[[], object], repeat: int) -> float:
    """CPU seconds of the fastest of several runs; one more before them compiles."""
    action()
    seconds = []
    for _ in range(repeat):
        start = time.process_time()
        action()
        seconds.append(time.process_time() - start)
    return min(seconds)


def main() -> None:
    """Print CPU seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=CCD_SHAPE[0])
    parser.add_argument("--columns", type=int, default=CCD_SHAPE[1])
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    simulated = image_pair(1, (options.rows, options.columns))
    subtractor = Registry().component("subtractor", "zogy")()
    difference = with_score(subtractor.subtract(simulated.pair))
    x, y = (simulated.stars[axis] for axis in "xy")
    found = detect(difference, DetectionParams())
    print(f"{options.columns} x {options.rows}, {found.n_rows} detections")
    print(f"detection     {best(lambda: detect(difference, DetectionParams()), options.repeat):.3f} s")
    print(f"score scatter {best(lambda: score_scatter(difference, x, y), options.repeat):.3f} s")


if __name__ == "__main__":
    main()
