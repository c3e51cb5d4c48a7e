"""Small cut-outs around candidates."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames.arrays import Floats, Mask, Pixels


@dataclass(frozen=True)
class Stamps:
    """Square cut-outs of new image, reference and difference, one triplet a candidate.

    Parameters
    ----------
    x, y : array of shape (n,)
        Positions of the candidates on the image (pixel).
    corner_x, corner_y : array of shape (n,), int
        Image coordinates of the first pixel of each stamp.
    new, ref, difference : array of shape (n, size, size), float32
        Electrons of the new exposure, background subtracted (the reference is scaled to the new image); NaN off the
        image.
    mask : array of shape (n, size, size), uint16
        Of the difference; ``NO_DATA`` off the image.
    """

    x: Floats
    y: Floats
    corner_x: NDArray[np.int32]
    corner_y: NDArray[np.int32]
    new: Pixels
    ref: Pixels
    difference: Pixels
    mask: Mask

    @property
    def n_candidates(self) -> int:
        """Number of triplets."""
        return len(self.x)

    def rows(self, index: NDArray[np.bool_] | NDArray[np.integer]) -> Stamps:
        """Return the triplets that a mask or an index array selects."""
        return Stamps(*(getattr(self, column.name)[index] for column in fields(self)))

    @property
    def size(self) -> int:
        """Side of a stamp (pixel)."""
        return self.new.shape[-1]
