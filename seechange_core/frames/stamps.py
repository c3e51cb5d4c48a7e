"""Small cut-outs around candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames.arrays import Floats, Mask, Pixels


@dataclass(frozen=True)
class Stamps:
    """Square cut-outs of new image, reference and difference around candidates, and of the score where it was cut.

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
    score : array of shape (n, size, size), float32, optional
        Detection significance (sigma); NaN off the image and where unusable pixels forbid one. None if it was not cut.
    """

    x: Floats
    y: Floats
    corner_x: NDArray[np.int32]
    corner_y: NDArray[np.int32]
    new: Pixels
    ref: Pixels
    difference: Pixels
    mask: Mask
    score: Pixels | None = None

    @property
    def n_candidates(self) -> int:
        """Number of candidates."""
        return len(self.x)

    def rows(self, index: NDArray[np.bool_] | NDArray[np.integer]) -> Stamps:
        """Return the candidates that a mask or an index array selects."""
        columns = {column.name: getattr(self, column.name) for column in fields(self)}
        return Stamps(**{name: values[index] for name, values in columns.items() if values is not None})

    @classmethod
    def joined(cls, parts: Sequence[Stamps]) -> Stamps:
        """Return the candidates of several sets of stamps as one, with a score where all have one."""
        columns = {column.name: [getattr(part, column.name) for part in parts] for column in fields(cls)}
        return cls(
            **{
                name: np.concatenate(values)
                for name, values in columns.items()
                if not any(value is None for value in values)
            }
        )

    @property
    def size(self) -> int:
        """Side of a stamp (pixel)."""
        return self.new.shape[-1]
