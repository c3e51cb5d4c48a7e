"""Time scoring of candidates by rbscore: ``python benchmarks/scoring.py``.

CPU seconds of this process with one thread, best of several runs after one that reads the network.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from seechange_core.frames import MeasurementTable, Stamps
from seechange_core.registry import Registry


def noise(number: int, size: int) -> Stamps:
    """Stamps of noise: what is on them makes no difference to the time."""
    rng = np.random.default_rng(1)
    planes = rng.normal(0.0, 10.0, (3, number, size, size)).astype(np.float32)
    middle, corner = np.full(number, size // 2), np.zeros(number, np.int32)
    return Stamps(middle, middle, corner, corner, *planes, np.zeros((number, size, size), np.uint16))


def main() -> None:
    """Print CPU seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=300)
    parser.add_argument("--size", type=int, default=41, help="side of a stamp (pixel)")
    parser.add_argument("--repeat", type=int, default=10)
    options = parser.parse_args()
    stamps = noise(options.candidates, options.size)
    columns = {name: np.ones(options.candidates) for name in MeasurementTable.COLUMNS}
    measurements = MeasurementTable(columns)
    scorer = Registry().component("scorer", "rbscore")()
    start = time.process_time()
    scorer.score(stamps, measurements)
    print(f"first call, network read      {time.process_time() - start:.3f} s")
    seconds = []
    for _ in range(options.repeat):
        start = time.process_time()
        scorer.score(stamps, measurements)
        seconds.append(time.process_time() - start)
    print(f"scoring, ms a candidate       {1000 * min(seconds) / options.candidates:.3f}")


if __name__ == "__main__":
    main()
