"""What every measurement of the sky has to pass."""

from __future__ import annotations

from functools import cache
from typing import ClassVar

import numpy as np

from seechange_core.api import BackgroundEstimator, Rejected
from seechange_core.frames import BackgroundModel, Floats, Frame, MaskPlane
from seechange_core.imaging.background.smooth_background import background_image
from seechange_core.testing.conformance.component import ComponentConformance
from seechange_core.testing.conformance.pairs import SHAPE, pair_under

_SKY_ELECTRON = 600.0
_READ_NOISE_ELECTRON = 7.0


@cache
def sky() -> Floats:
    """Return the true sky: 600 electrons with a slope of 8 % over the image."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]] / SHAPE[0]
    return _SKY_ELECTRON * (1.0 + 0.05 * x - 0.03 * y)


@cache
def image() -> Frame:
    """Return stars and galaxies on that sky, with a tenth of the image masked and senseless."""
    frame = pair_under("equal").new
    data, mask = frame.data + sky().astype(np.float32), frame.mask.copy()
    data[: SHAPE[0] // 10], mask[: SHAPE[0] // 10] = 1e5, int(MaskPlane.BAD)
    return frame.replaced(data=data, mask=mask)


class BackgroundConformance(ComponentConformance):
    """Contract and truth of a `BackgroundEstimator`."""

    component: ClassVar[type[BackgroundEstimator]]
    manual: ClassVar[str] = "docs/how-to/write-a-calibrator.md"

    def ordinary_input(self) -> Frame:
        """Return a field of stars on a sloping sky."""
        return image()

    def run(self, component: BackgroundEstimator, given: Frame) -> BackgroundModel:
        """Measure."""
        return component.measure(given)

    def test_level_is_that_of_the_sky(self) -> None:
        """Sources and masked pixels have no say."""
        off = background_image(self.ordinary_output()) - sky()
        inside = off[SHAPE[0] // 10 + 64 :]
        bias, worst = float(np.median(inside)), float(np.abs(inside).max())
        self.require(
            abs(bias) < 0.8 and worst < 10.0,
            "the sky level is wrong",
            f"by {bias:+.2f} electron in the median, {worst:.1f} at most",
            "below 0.8 and 10 electrons: the noise of a pixel is 25",
        )

    def test_noise_is_that_of_the_sky(self) -> None:
        """Of single pixels."""
        true = float(np.sqrt(_SKY_ELECTRON + _READ_NOISE_ELECTRON**2))
        measured = self.ordinary_output().rms_electron
        self.require(
            abs(measured / true - 1) < 0.05, "the noise is wrong", f"{measured:.2f}", f"{true:.2f} within 5 %"
        )

    def test_masked_image_is_rejected_or_finite(self) -> None:
        """Not an exception of another kind, nor NaN."""
        mask = np.full(SHAPE, int(MaskPlane.BAD), np.uint16)
        try:
            model = self.run(self.make(), image().replaced(mask=mask))
        except Rejected:
            return
        self.require(
            np.isfinite(model.level).all(),
            "a masked image has a senseless sky",
            "NaN",
            "numbers, or Rejected",
        )
