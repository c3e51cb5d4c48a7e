"""Image subtraction."""

from __future__ import annotations

import abc
from typing import ClassVar

from seechange_core.api.component import Component
from seechange_core.frames import AlignedPair, Difference


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
