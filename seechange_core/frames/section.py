"""One section of an exposure on its way from the raw file to a calibrated frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from seechange_core.frames.arrays import Mask, Pixels


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels, half open, zero based: rows ``y0`` to ``y1 - 1``, columns ``x0`` to ``x1 - 1``."""

    y0: int
    y1: int
    x0: int
    x1: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """The index of an array ``[y, x]`` that cuts this box out."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.y1 - self.y0, self.x1 - self.x0


@dataclass(frozen=True)
class Amplifier:
    """One read-out channel of a section.

    Parameters
    ----------
    name : str
        As the camera's documents call it.
    data : Box
        Light-sensitive pixels in the current array.
    trimmed : Box
        Where those pixels belong once overscan is cut away.
    overscan : Box or None
        Overscan in the raw array; None after trimming.
    gain : float
        Electron per ADU.
    read_noise_electron, saturation_adu : float
        Read noise (electron) and the level above which a raw pixel is not to be trusted (ADU, bias included).
    flip_x, flip_y : bool
        Whether the raw pixels run against the assembled image.
    reversed_x, reversed_y : bool
        Whether columns, or rows, of the raw array run against the order in which they were read out.
    """

    name: str
    data: Box
    trimmed: Box
    overscan: Box | None
    gain: float
    read_noise_electron: float
    saturation_adu: float
    flip_x: bool = False
    flip_y: bool = False
    reversed_x: bool = False
    reversed_y: bool = False


@dataclass(frozen=True)
class SectionData:
    """Pixels of one section as read, and as they change from one correction to the next.

    Parameters
    ----------
    data : array of shape (ny, nx), float32
        In `unit`.
    unit : {"adu", "electron"}
        Of the data; variance is its square.
    amplifiers : tuple of Amplifier
        At least one; their boxes refer to the current array.
    info, header : mapping
        As in `Frame`.
    mask : array or None
        Bits of `MaskPlane`; None before anything was masked.
    variance : array or None
        None before the noise model was applied.
    calibrated : bool
        True if the file already was a reduced image: flat-fielded, in `unit`, trimmed.
    applied : tuple of (str, str)
        Corrections done so far in order: name of the component and product id of its calibration file, or "".
    others : mapping of str to SectionData
        The other sections of the same exposure as read, by id. Each is read when it is asked for and kept by nobody,
        so that a correction can look at many of them one after the other.
    """

    data: Pixels
    unit: str
    amplifiers: tuple[Amplifier, ...]
    info: Mapping[str, Any] = field(default_factory=dict)
    header: Mapping[str, Any] = field(default_factory=dict)
    mask: Mask | None = None
    variance: Pixels | None = None
    calibrated: bool = False
    applied: tuple[tuple[str, str], ...] = ()
    others: Mapping[str, SectionData] = field(default_factory=dict)

    def replaced(self, **changes: Any) -> SectionData:
        """Return a copy with some fields changed; arrays that are not named are shared."""
        return replace(self, **changes)
