"""What every measurement of the point-spread function has to pass."""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar

import numpy as np

from seechange_core.api import PsfEstimator
from seechange_core.frames import Frame, PsfModel, SourceTable, unusable
from seechange_core.imaging.matched_filter import significance
from seechange_core.imaging.sources.detection import find_sources
from seechange_core.imaging.sources.measurement import first_sources
from seechange_core.testing.conformance.component import ComponentConformance
from seechange_core.testing.conformance.pairs import SHAPE, pair_under

_KERNEL_FWHM = 3.5


@cache
def sources() -> SourceTable:
    """Return what is found on the image before its PSF is known."""
    image = pair_under("equal").new
    found, _ = find_sources(
        image,
        significance(image.data, image.variance, unusable(image.mask), _KERNEL_FWHM),
        kernel_fwhm=_KERNEL_FWHM,
        threshold=5.0,
        min_pixels=1,
        deblend_sigma=4.5,
        deblend_contrast=0.1,
    )
    return first_sources(image, found, _KERNEL_FWHM)


class PsfConformance(ComponentConformance):
    """Contract and truth of a `PsfEstimator`."""

    component: ClassVar[type[PsfEstimator]]
    manual: ClassVar[str] = "docs/how-to/write-a-calibrator.md"

    def ordinary_input(self) -> tuple[Frame, SourceTable, PsfModel | None]:
        """Return a field of stars and galaxies."""
        simulated = pair_under("equal")
        return simulated.new, sources(), simulated.pair.new_psf if self.needs_supplied else None

    @property
    def needs_supplied(self) -> bool:
        """Tell whether it takes the model that came with the image, and rejects one without; the true one does then."""
        given = pair_under("equal").new, sources(), None
        return self.once("needs supplied", lambda: self.rejection_of(given) is not None)

    def run(self, component: PsfEstimator, given: Any) -> tuple[PsfModel, dict[str, Any]]:
        """Measure."""
        return component.measure(*given)

    def test_psf_is_normalised(self) -> None:
        """To 1 within 5 FWHM, all over the image."""
        model = self.ordinary_output()[0]
        sums = model.stamps([100, SHAPE[1] / 2, 900], [100, SHAPE[0] / 2, 800]).sum(axis=(1, 2))
        self.require(
            np.all(np.abs(sums - 1) < 0.02), "the PSF is not normalised", np.round(sums, 3), "sums of 1"
        )

    def test_width_is_that_of_the_stars(self) -> None:
        """Full width at half maximum."""
        true = pair_under("equal").pair.psfs()[0].fwhm
        measured = self.ordinary_output()[0].fwhm
        self.require(
            abs(measured / true - 1) < 0.03, "the FWHM is wrong", f"{measured:.3f}", f"{true:.3f} within 3 %"
        )

    def test_profile_is_that_of_the_stars(self) -> None:
        """In three places: centred, and turned the right way."""
        true = pair_under("equal").new_field
        x, y = np.array([150.0, 512.0, 850.3]), np.array([170.0, 512.0, 790.7])
        left = self.ordinary_output()[0].stamps(x, y, 21) - true.stamps(x, y, 21)
        worst = float(np.abs(left).max() / true.stamps(x, y, 21).max())
        self.require(worst < 0.015, "the profile is wrong", f"by {worst:.1%} of the peak", "below 1.5 %")

    def test_metrics_name_the_stars(self) -> None:
        """Rows of the sources that were used; the rest can be stored."""
        metrics = dict(self.ordinary_output()[1])
        rows = np.asarray(metrics.pop("stars", [-1]))
        self.require(
            np.all((rows >= 0) & (rows < sources().n_rows)),
            "metrics['stars'] names no rows",
            rows[:5],
            "rows of the sources",
        )
        self.require_json(metrics, "metrics")

    def test_image_without_stars_is_rejected(self) -> None:
        """With the number of stars that there are; a supplied model needs none."""
        image, some, supplied = self.ordinary_input()
        if not self.needs_supplied:
            self.require_clear(self.rejection_of((image, some.rows(slice(0, 0)), supplied)), "no sources")
