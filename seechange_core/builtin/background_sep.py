"""The sky on a mesh, by sep."""

from __future__ import annotations

from typing import ClassVar

from pydantic import field_validator

from seechange_core.api import BackgroundEstimator, Params, parameter
from seechange_core.frames import BackgroundModel, Frame


class SepBackgroundParams(Params):
    """How the sky is measured."""

    box_pixel: int = parameter(
        128,
        description="Side of a mesh cell; well above the size of the largest galaxies",
        unit="pixel",
        ge=16,
    )
    filter_cells: int = parameter(
        3,
        description="Side of the square of cells whose median a deviating cell gets, odd",
        unit="cell",
        ge=1,
        le=15,
    )
    kernel_fwhm_pixel: float = parameter(
        3.5, description="Width of the filter that finds the sources to leave out", unit="pixel", ge=1, le=20
    )
    margin_pixel: float = parameter(
        2.0,
        description="How far a source is left out beyond twice the radius of its visible part",
        unit="pixel",
        ge=0,
        le=50,
    )

    @field_validator("filter_cells")
    @classmethod
    def _odd(cls, cells: int) -> int:
        if cells % 2 == 0:
            raise ValueError(f"must be odd, so that a cell is in the middle; {cells} is even")
        return cells


class SepBackground(BackgroundEstimator):
    """Clipped mean in mesh cells without the sources that stand out of a first map by sep, drawn as a spline."""

    name: ClassVar[str] = "sep"
    version: ClassVar[str] = "1.1"
    Params: ClassVar[type[Params]] = SepBackgroundParams

    def measure(self, image: Frame) -> BackgroundModel:
        """Measure the sky level and noise of an image, ignoring sources and unusable pixels."""
        from seechange_core.imaging.background.smooth_background import measure_background
        from seechange_core.imaging.usable_pixels import unusable_pixels

        return measure_background(
            image.data,
            unusable_pixels(image),
            box_pixel=self.params.box_pixel,
            filter_cells=self.params.filter_cells,
            kernel_fwhm=self.params.kernel_fwhm_pixel,
            margin_pixel=self.params.margin_pixel,
        )
