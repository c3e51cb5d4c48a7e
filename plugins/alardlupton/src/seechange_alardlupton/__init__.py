"""Image subtraction by the method of Alard and Lupton (1998) for SeeChange."""

from __future__ import annotations

from typing import ClassVar, Literal

from seechange_core.api import FilteringParams, Params, Subtractor, hookimpl, parameter
from seechange_core.frames import AlignedPair, Difference


class AlardLuptonParams(FilteringParams):
    """Parameters of `AlardLupton`."""

    convolve: Literal["sharper", "new", "reference"] = parameter(
        "sharper",
        description="Which image is convolved to match the other; by default the one of better seeing",
    )
    degrees: tuple[int, int, int, int] = parameter(
        (6, 6, 4, 2),
        description="Degrees of the polynomials on the narrow, the middle and the wide Gaussian, and that of the wings",
    )
    spatial_degree: int = parameter(
        2,
        ge=0,
        le=4,
        description="Degree of the kernel's variation over the image; lower where stamps are few",
    )
    stamps_per_cell: int = parameter(
        4, ge=1, le=50, description="Most stamps in each of the 8 by 8 cells of the image"
    )
    min_stamp_snr: float = parameter(
        10.0, ge=5, description="Peaks of stamps are at least so many sigma above the sky in both images"
    )
    min_stamps: int = parameter(3, ge=1, description="Pairs with fewer good stamps are rejected")
    tile: int = parameter(
        512,
        ge=64,
        le=8192,
        unit="pixel",
        description="Side of the tiles within which the kernel varies linearly",
    )


class AlardLupton(Subtractor):
    """Subtraction with a convolution kernel that is fitted to stars: it finds the difference of the PSFs by itself."""

    name: ClassVar[str] = "alardlupton"
    version: ClassVar[str] = "1.2"
    Params: ClassVar[type[Params]] = AlardLuptonParams

    def subtract(self, pair: AlignedPair) -> Difference:
        """Subtract; see `seechange_alardlupton.kernel_subtraction.kernel_difference`."""
        from seechange_alardlupton.kernel_subtraction import kernel_difference

        return kernel_difference(pair, self.params)


@hookimpl
def register_subtractors() -> list[type[Subtractor]]:
    """Offer `AlardLupton`."""
    return [AlardLupton]
