"""Time detection, cutting and measuring on one simulated difference: ``python benchmarks/detection.py``.

CPU seconds of this process with one thread, best of several runs after one that compiles.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

from timing import best

from seechange_core.frames import Stamps
from seechange_core.imaging.stamps import cut_triplets
from seechange_core.imaging.subtraction.point_source_score import with_score
from seechange_core.imaging.subtraction.score_scatter import score_scatter
from seechange_core.registry import Registry
from seechange_core.simulation.image_pair import CCD_SHAPE, CONDITIONS, image_pair
from seechange_core.steps.detection import DetectionParams, detect
from seechange_core.steps.measuring import Measuring, MeasuringParams
from seechange_core.steps.step import StepContext


def main() -> None:
    """Print CPU seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=CCD_SHAPE[0])
    parser.add_argument("--columns", type=int, default=CCD_SHAPE[1])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--conditions", choices=CONDITIONS, default="aligned")
    options = parser.parse_args()
    simulated = image_pair(1, (options.rows, options.columns), CONDITIONS[options.conditions])
    pair = simulated.pair
    subtractor = Registry().component("subtractor", "zogy")()
    difference = replace(with_score(subtractor.subtract(pair)), ref_psf=pair.ref_psf)
    x, y = (simulated.stars[axis] for axis in "xy")
    found = detect(difference, DetectionParams())

    def cut() -> Stamps:
        planes = (pair.new.data, pair.ref.data, difference.data, difference.mask)
        return cut_triplets(found["x"], found["y"], 41, *planes)

    inputs = {
        "image": pair.new,
        "psf": pair.new_psf,
        "aligned_reference": pair.ref,
        "difference": difference,
        "detections": found,
        "stamps": cut(),
        "mapping": None,
        "photometry": None,
    }
    context = StepContext({}, None)
    print(f"{options.columns} x {options.rows}, {found.n_rows} detections")
    for name, action, number in (
        ("detection", lambda: detect(difference, DetectionParams()), 1),
        ("score scatter", lambda: score_scatter(difference, x, y), 1),
        ("cutting, ms a candidate", cut, found.n_rows / 1000),
        (
            "measuring, ms a candidate",
            lambda: Measuring().run(inputs, MeasuringParams(), context),
            found.n_rows / 1000,
        ),
    ):
        print(f"{name:26} {best(action, options.repeat) / number:.3f}")


if __name__ == "__main__":
    main()
