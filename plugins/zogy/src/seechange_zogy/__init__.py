"""Image subtraction by the method of Zackay, Ofek and Gal-Yam (2016) for SeeChange."""

from __future__ import annotations

from typing import ClassVar

from seechange_core.api import Params, Subtractor, hookimpl, parameter
from seechange_core.frames import AlignedPair, Difference


class ZogyParams(Params):
    """Parameters of `Zogy`."""

    tile: int = parameter(
        512, ge=64, le=8192, unit="pixel", description="Side of the tiles with one PSF each"
    )
    border: int = parameter(
        32, ge=8, le=512, unit="pixel", description="Overlap of the tiles; filters reach no further"
    )
    min_usable_fraction: float = parameter(
        0.2, ge=0, le=1, description="Pairs with fewer pixels that are usable in both images are rejected"
    )
    min_registration_error: float = parameter(
        0.02,
        ge=0,
        le=5,
        unit="pixel",
        description="Misregistration along each axis that is always allowed for",
    )
    relative_error: float = parameter(
        0.003, ge=0, le=0.5, description="Error of PSFs and flux ratio as a fraction of a source's light"
    )
    fill_error: float = parameter(
        1.0,
        ge=0,
        le=10,
        description="Error of what stands in for unusable pixels, as a fraction of its light",
    )


class Zogy(Subtractor):
    """Proper image subtraction: the most sensitive difference of two images whose PSFs are known."""

    name: ClassVar[str] = "zogy"
    version: ClassVar[str] = "1.1"
    Params: ClassVar[type[Params]] = ZogyParams

    def subtract(self, pair: AlignedPair) -> Difference:
        """Subtract; see `seechange_zogy.proper_subtraction.proper_difference`."""
        from seechange_zogy.proper_subtraction import proper_difference

        return proper_difference(pair, self.params)


@hookimpl
def register_subtractors() -> list[type[Subtractor]]:
    """Offer `Zogy`."""
    return [Zogy]
