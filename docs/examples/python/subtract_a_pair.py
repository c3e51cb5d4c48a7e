"""Subtract two images with an algorithm alone: no database, no files, no profile."""

from __future__ import annotations

from seechange_core.simulation.image_pair import image_pair
from seechange_core.steps.detection import DetectionParams, detect
from seechange_zogy import Zogy

# A simulated new image and its reference on the same pixels, with their PSFs; yours is an `AlignedPair` too.
simulated = image_pair(seed=1, shape=(512, 512))
print(simulated.pair)

difference = Zogy(Zogy.Params(tile=256)).subtract(simulated.pair)
print(difference)

detections = detect(difference, DetectionParams(threshold=5.0))
bright = simulated.transients["expected_snr"] > 10
print(
    f"{detections.n_rows} detections; {bright.sum()} of the {simulated.transients.n_rows} transients are above S/N 10"
)
