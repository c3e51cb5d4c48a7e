"""What it costs to inject sources and to search again, beside the subtraction itself.

    python benchmarks/injection.py [--rows 4096] [--columns 2048] [--number 200] [--repeat 3]

A simulated pair is measured as the chain does it, and subtracted; then sources are injected into the new image and it
is searched again. CPU seconds of this process with one thread, in memory, best of several runs after one that compiles.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from seechange_core.pipeline import PlannedStep
from seechange_core.simulation.image_pair import CCD_SHAPE, CONDITIONS
from seechange_core.steps.step import StepResult
from seechange_core.testing.injected_pairs import InjectedPair


def main() -> None:
    """Print CPU seconds of the subtraction, and of each step of the search with injected sources."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=CCD_SHAPE[0])
    parser.add_argument("--columns", type=int, default=CCD_SHAPE[1])
    parser.add_argument("--number", type=int, default=200)
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    pair = InjectedPair.simulate(
        1, (given.rows, given.columns), CONDITIONS["displaced"], [f"injection.number={given.number}"]
    )
    seconds: dict[str, list[float]] = defaultdict(list)
    first = pair.plan["subtraction"]
    first.step.run = _timed(first, seconds, "first subtraction")  # type: ignore[method-assign]
    for planned in pair.branch:
        planned.step.run = _timed(planned, seconds, planned.process)  # type: ignore[method-assign]
    for _ in range(given.repeat + 1):
        vars(pair).pop("subtracted", None)
        recovered = pair.searched_again().outputs["recovered"]
    best = {name: min(values[1:]) for name, values in seconds.items()}
    for name, value in best.items():
        print(f"{name:24}{value:8.2f}")
    print(f"{'injected and searched':24}{sum(best[planned.process] for planned in pair.branch):8.2f}")
    print(f"{recovered.n_rows} injected, {np.count_nonzero(recovered['measured'])} found")


def _timed(planned: PlannedStep, seconds: dict[str, list[float]], name: str) -> Callable[..., StepResult]:
    run = planned.step.run

    def timed(*given: Any) -> StepResult:
        started = time.process_time()
        result = run(*given)
        seconds[name].append(time.process_time() - started)
        return result

    return timed


if __name__ == "__main__":
    main()
