"""A new image and the reference on its grid, and what is left after subtraction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seechange_core.errors import Rejected
from seechange_core.frames.arrays import Mask, Pixels
from seechange_core.frames.frame import Frame
from seechange_core.frames.psf import PsfModel


@dataclass(frozen=True)
class AlignedPair:
    """What a subtractor gets: both images without background, on the pixels of the new one.

    Parameters
    ----------
    new, ref : Frame
        Electrons of their own exposures, background subtracted. ``ref`` is warped to the grid of ``new``; pixels that
        the reference does not cover are ``NO_DATA``.
    new_psf, ref_psf : PsfModel or None
        Both in pixel coordinates of ``new``; ``ref_psf`` as warped. None if unknown.
    flux_ratio : float
        Electrons in ``ref`` of a source that has 1 electron in ``new``; from the zero points.
    registration_error : tuple of float
        Misregistration left, 1 sigma along x and y (pixel).
    info : mapping
        As in `Frame`, of the new image.
    width_error : float
        Error of the two PSFs' widths relative to each other: 1 sigma of the variance along one axis (pixel^2).
    flux_ratio_error : float
        Error of the flux ratio as a part of it, with its variation over the image.
    """

    new: Frame
    ref: Frame
    new_psf: PsfModel | None
    ref_psf: PsfModel | None
    flux_ratio: float
    registration_error: tuple[float, float] = (0.0, 0.0)
    info: Mapping[str, Any] = field(default_factory=dict)
    width_error: float = 0.0
    flux_ratio_error: float = 0.0

    def __repr__(self) -> str:
        return f"<AlignedPair new: {self.new}, ref: {self.ref}, flux ratio {self.flux_ratio:.4g}>"

    def psfs(self) -> tuple[PsfModel, PsfModel]:
        """Return both PSFs.

        Raises
        ------
        Rejected
            If one is unknown; a subtractor that can do without measures it.
        """
        if self.new_psf is None or self.ref_psf is None:
            raise Rejected("a PSF of the pair is unknown, and this subtractor needs both")
        return self.new_psf, self.ref_psf


@dataclass(frozen=True)
class Difference:
    """New minus reference, in the units and zero point of the new image; positive is brighter in the new image.

    Parameters
    ----------
    data, variance : array of shape (ny, nx), float32
        Electrons and electrons squared.
    mask : array of shape (ny, nx), uint16
        Bits of `MaskPlane`; a superset of what both inputs hide.
    psf : PsfModel
        Of the difference.
    score : array or None
        Detection significance in sigma: scatter 1 on empty sky; NaN where unusable pixels forbid one. None if the
        algorithm has none.
    flux_error : array or None
        Error of the PSF flux of a source at each pixel (electron). None if the algorithm has none.
    metrics : mapping
        JSON values that describe how well it went.
    translient : array or None
        Significance with which light moved at each pixel, in sigma of one direction: the square root of a chi-square of
        two degrees of freedom; NaN as in the score. Where it is greater than the score around, a source moved rather
        than changed. None if it was not asked for.
    ref_psf : PsfModel or None
        Of the aligned reference. None if unknown.
    """

    data: Pixels
    variance: Pixels
    mask: Mask
    psf: PsfModel
    score: Pixels | None = None
    flux_error: Pixels | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    translient: Pixels | None = None
    ref_psf: PsfModel | None = None

    @property
    def flux(self) -> Pixels | None:
        """PSF flux of a source at each pixel (electron), from score and error; None where these are missing."""
        return None if self.score is None or self.flux_error is None else self.score * self.flux_error

    def __repr__(self) -> str:
        planes = {"score": self.score, "flux": self.flux_error, "translient": self.translient}
        given = ", ".join(name for name, plane in planes.items() if plane is not None) or "no score"
        return f"<Difference {self.data.shape[0]} x {self.data.shape[1]} pixels, with {given}; {self.psf}>"
