"""A calibrated image in memory: pixels, variance, mask, and what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from seechange_core.frames.arrays import Mask, Pixels, as_mask, as_pixels
from seechange_core.frames.mask import unusable


@dataclass(frozen=True)
class Frame:
    """Pixels of one section or sky cell with variance and mask.

    Parameters
    ----------
    data : array of shape (ny, nx), float32
        Electrons.
    variance : array of shape (ny, nx), float32
        Electrons squared, from a model (sky, read noise, smooth source light), never from the noisy pixel.
    mask : array of shape (ny, nx), uint16
        Bits of `MaskPlane`.
    info : mapping
        What steps may rely on, under standard lower-case names: ``mjd`` (mid-exposure, UTC), ``exposure_s``,
        ``filter``, ``ra_deg`` and ``dec_deg`` (centre, as far as known), ``airmass``, ``gain`` (electron per ADU),
        ``read_noise_electron``, ``saturation_electron``, ``pixel_scale_arcsec``, ``instrument``, ``section``.
    header : mapping
        FITS cards that came with the pixels, keyword to value, among them a first WCS.
    noise_ratio : float
        Per-pixel noise divided by the square root of the variance; below 1 where resampling correlated pixels.

    Raises
    ------
    ValueError
        If the three planes differ in shape.
    """

    data: Pixels
    variance: Pixels
    mask: Mask
    info: Mapping[str, Any] = field(default_factory=dict)
    header: Mapping[str, Any] = field(default_factory=dict)
    noise_ratio: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", as_pixels(self.data))
        object.__setattr__(self, "variance", as_pixels(self.variance))
        object.__setattr__(self, "mask", as_mask(self.mask))
        if not self.data.shape == self.variance.shape == self.mask.shape:
            raise ValueError(
                f"data {self.data.shape}, variance {self.variance.shape} and mask {self.mask.shape} differ in shape"
            )

    def __repr__(self) -> str:
        info = self.info
        known = [f"{self.shape[0]} x {self.shape[1]} pixels", *filter(None, [str(info.get("filter", ""))])]
        if "mjd" in info:
            known.append(f"MJD {info['mjd']:.5f}")
        if "exposure_s" in info:
            known.append(f"{info['exposure_s']:g} s")
        return f"<Frame {', '.join(known)}; {100 * unusable(self.mask).mean():.1f} % unusable>"

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.data.shape[0], self.data.shape[1]

    def replaced(self, **changes: Any) -> Frame:
        """Return a copy with some fields changed; arrays that are not named are shared."""
        return replace(self, **changes)
