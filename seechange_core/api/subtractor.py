"""Image subtraction."""

from __future__ import annotations

import abc
from typing import ClassVar

from seechange_core.api.component import Component
from seechange_core.frames import AlignedPair, Difference, Floats, Frame
from seechange_core.params import Params, parameter


class FilteringParams(Params):
    """Parameters of every subtraction that filters both images, as `imaging.filtered_difference` does."""

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
        0.003,
        ge=0,
        le=0.5,
        description="Error of PSFs or kernel and of the flux ratio, as a fraction of a source's light",
    )
    fill_error: float = parameter(
        1.0,
        ge=0,
        le=10,
        description="Error of what stands in for unusable pixels, as a fraction of its light",
    )


class Subtractor(Component, abc.ABC):
    """Base class of subtraction algorithms."""

    kind: ClassVar[str] = "subtractor"

    @abc.abstractmethod
    def subtract(self, pair: AlignedPair) -> Difference:
        """Subtract the reference from the new image.

        Returns
        -------
        Difference
            In the units and zero point of the new image, with a mask that contains the masks of both inputs where they
            forbid the use of a pixel; ``score`` has scatter 1 on empty sky where the algorithm gives one.

        Raises
        ------
        Rejected
            If the pair is beyond use, e.g. hardly overlaps.
        """

    def with_light(
        self, difference: Difference, pair: AlignedPair, after: Frame, x: Floats, y: Floats
    ) -> Difference | None:
        """Return what `subtract` would give had the new image had more light at some places, without subtracting again.

        An algorithm whose filters are known without the pixels can do so, and is then much faster where sources are
        injected. By default None, and the injected image is subtracted as any other.

        Parameters
        ----------
        difference : Difference
            Of the pair.
        pair : AlignedPair
            Without the light, in the scale of the new image. The sky of ``new`` may be in it: use noise and PSFs only.
        after : Frame
            The new image with the light, and the sky of ``pair.new``.
        x, y : array of shape (n,)
            Places of the light (pixel), which has the extent of the PSF.
        """
        return None
