"""One image of a pair convolved to match the other: which one, and the filters that make the noise white again."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np

from seechange_core.frames import Floats, Pixels
from seechange_core.imaging.spectra import kernel_spectrum
from seechange_core.imaging.subtraction.cleaned_pair import CleanedPair
from seechange_core.imaging.subtraction.filtered_difference import Filters, transformed_psf


class MatchingKernel(Protocol):
    """What one image is convolved with at a place, given by its position (pixel)."""

    def __call__(self, x: float, y: float) -> Pixels | Floats:
        """Return the kernel, centred on its middle pixel; its sides are odd."""
        ...


def new_is_convolved(pair: CleanedPair, convolve: Literal["sharper", "new", "reference"]) -> bool:
    """Tell whether the new image is to be convolved rather than the reference; by default the one of better seeing."""
    if convolve == "sharper":
        return pair.new_psf.fwhm < pair.ref_psf.fwhm
    return convolve == "new"


class WhiteningFilters:
    """One image as it is, the other convolved, and both filtered so that the noise of the difference becomes white.

    The kernel correlates the noise of the image that it is applied to, and a fit that takes pixels as independent would
    then err. The filter that whitens it is that of Reiss & Lupton (2016), DMTN-021, eq. 10.

    Parameters
    ----------
    kernel : MatchingKernel
        Of the image that is convolved.
    pair : CleanedPair
        Whose noise it is.
    convolve_new : bool
        Which image the kernel is for.
    """

    def __init__(self, kernel: MatchingKernel, pair: CleanedPair, convolve_new: bool) -> None:
        self._kernel = kernel
        self._new_psf = pair.new_psf
        self._convolve_new = convolve_new
        total = pair.new_noise**2 + pair.ref_noise**2
        self._new_share = np.float32(pair.new_noise**2 / total)
        self._ref_share = np.float32(pair.ref_noise**2 / total)

    def __call__(self, x: float, y: float, shape: tuple[int, int]) -> Filters:
        """Return the filters at a position; see `FilterSource`."""
        kernel = kernel_spectrum(self._kernel(x, y).astype(np.float32, copy=False), shape)
        one = np.ones_like(kernel)
        new, ref = (kernel, one) if self._convolve_new else (one, kernel)
        whitening = 1 / np.sqrt(self._new_share * np.abs(new) ** 2 + self._ref_share * np.abs(ref) ** 2)
        psf = transformed_psf(self._new_psf, x, y, shape)
        return Filters(new=new * whitening, ref=ref * whitening, psf=psf * new * whitening)
