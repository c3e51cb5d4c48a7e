"""Image subtraction in Fourier space with a delta-function kernel, after Hu et al. (2022), for SeeChange."""

from __future__ import annotations

from typing import ClassVar, Literal

from seechange_core.api import FilteringParams, Params, Subtractor, hookimpl, parameter
from seechange_core.frames import AlignedPair, Difference


class SfftParams(FilteringParams):
    """Parameters of `Sfft`."""

    convolve: Literal["sharper", "new", "reference"] = parameter(
        "sharper",
        description="Which image is convolved to match the other; by default the one of better seeing",
    )
    kernel_core_fwhm: float = parameter(
        1.5,
        ge=0.5,
        le=5,
        description="Radius within which each pixel of the kernel is free, in FWHM of the less sharp image; "
        "4 to 15 pixels",
    )
    kernel_reach_fwhm: float = parameter(
        3.5,
        ge=1,
        le=7,
        description="Radius of the kernel with its wings, in FWHM of the less sharp image; 12 to 31 pixels",
    )
    spatial_degree: int = parameter(
        2,
        ge=0,
        le=4,
        description="Degree of the kernel's variation over the image; lower where sources are few",
    )
    constant_flux_ratio: bool = parameter(
        True, description="Whether the kernel has the same sum all over the image"
    )
    min_source_snr: float = parameter(
        20.0,
        ge=5,
        description="Peaks of the kernel's sources are at least so many sigma above the sky in both images",
    )
    min_sources: int = parameter(3, ge=1, description="Pairs with fewer good sources are rejected")
    tile: int = parameter(256, ge=64, le=8192, unit="pixel", description="Side of tiles with one kernel each")


class Sfft(Subtractor):
    """Subtraction with a kernel that is free in every pixel, fitted to all sources at once in Fourier space."""

    name: ClassVar[str] = "sfft"
    version: ClassVar[str] = "1.0"
    Params: ClassVar[type[Params]] = SfftParams

    def subtract(self, pair: AlignedPair) -> Difference:
        """Subtract; see `seechange_sfft.fourier_subtraction.fourier_difference`."""
        from seechange_sfft.fourier_subtraction import fourier_difference

        return fourier_difference(pair, self.params)


@hookimpl
def register_subtractors() -> list[type[Subtractor]]:
    """Offer `Sfft`."""
    return [Sfft]
