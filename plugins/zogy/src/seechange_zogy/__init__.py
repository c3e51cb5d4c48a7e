"""Image subtraction by the method of Zackay, Ofek and Gal-Yam (2016) for SeeChange."""

from __future__ import annotations

from typing import ClassVar

from seechange_core.api import FilteringParams, Params, Subtractor, hookimpl, parameter
from seechange_core.frames import AlignedPair, Difference, Floats, Frame


class ZogyParams(FilteringParams):
    """Parameters of `Zogy`."""

    tile: int = parameter(
        512,
        ge=64,
        le=8192,
        unit="pixel",
        description="Side of the tiles, within which the PSFs vary linearly",
    )
    translient: bool = parameter(
        False, description="Whether the significance of motion is computed, too, and saved as TRANSLIENT"
    )


class Zogy(Subtractor):
    """Proper image subtraction: the most sensitive difference of two images whose PSFs are known."""

    name: ClassVar[str] = "zogy"
    version: ClassVar[str] = "1.2"
    Params: ClassVar[type[Params]] = ZogyParams

    def subtract(self, pair: AlignedPair) -> Difference:
        """Subtract; see `seechange_zogy.proper_subtraction.proper_difference`."""
        from seechange_zogy.proper_subtraction import proper_difference

        return proper_difference(pair, self.params)

    def with_light(
        self, difference: Difference, pair: AlignedPair, after: Frame, x: Floats, y: Floats
    ) -> Difference | None:
        """Add filtered light; see `Subtractor.with_light`. The significance of motion does not follow from it."""
        if self.params.translient:
            return None
        from seechange_zogy.proper_subtraction import difference_with_light

        return difference_with_light(difference, pair, after, x, y, self.params)


@hookimpl
def register_subtractors() -> list[type[Subtractor]]:
    """Offer `Zogy`."""
    return [Zogy]
