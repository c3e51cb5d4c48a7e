"""A point-spread function that varies over the image."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from seechange_core.frames.arrays import Floats, Pixels
from seechange_core.frames.polynomial import design_matrix

# A sinc in a Kaiser window. From these two numbers follows what interpolation costs: below 0.05 % of the peak where
# the full width at half maximum is 2.5 samples or more and the PSF has no power beyond the Nyquist frequency.
_HALF_WIDTH = 8
_KAISER_BETA = 7.0
# Steps of the kernel's table per sample; linear interpolation in it is good to 1e-6.
_TABLE_STEPS = 1024


@dataclass(frozen=True)
class PsfModel:
    """Every pixel of the PSF's stamp is a polynomial of position.

    The value of a sample is the light that falls on a whole detector pixel centred there, so that a rendered stamp
    can be compared with data directly.

    Parameters
    ----------
    coefficients : array of shape (n_terms, size, size), float32
        In the order of `frames.polynomial.exponents`; size is odd, the PSF is centred on the middle sample.
    degree : int
        Of the polynomial; 0 for a constant PSF.
    x_zero, y_zero, x_scale, y_scale : float
        The polynomial's variables are ``(x - x_zero) / x_scale`` and ``(y - y_zero) / y_scale``.
    sampling : float
        Detector pixels per sample of the stamp; 1 unless a finer model was fitted.
    fwhm : float
        At ``(x_zero, y_zero)`` (pixel).
    n_stars : int
        Stars in the fit; 0 where the model was given.
    """

    coefficients: Pixels
    degree: int = 0
    x_zero: float = 0.0
    y_zero: float = 0.0
    x_scale: float = 1.0
    y_scale: float = 1.0
    sampling: float = 1.0
    fwhm: float = 0.0
    n_stars: int = 0

    def __repr__(self) -> str:
        origin = f"{self.n_stars} stars" if self.n_stars else "given"
        side = self.coefficients.shape[-1]
        return (
            f"<PsfModel FWHM {self.fwhm:.2f} pixels, {side} x {side} samples, degree {self.degree}, {origin}>"
        )

    @property
    def sha256(self) -> str:
        """Digest of everything that decides a rendered stamp."""
        numbers = (
            self.degree,
            self.x_zero,
            self.y_zero,
            self.x_scale,
            self.y_scale,
            self.sampling,
            self.fwhm,
        )
        digest = hashlib.sha256(repr((self.coefficients.shape, numbers)).encode("ascii"))
        digest.update(np.ascontiguousarray(self.coefficients).tobytes())
        return digest.hexdigest()

    @property
    def size(self) -> int:
        """Side of the natural stamp in detector pixels: odd, no larger than the model."""
        half = int(self.coefficients.shape[-1] // 2 * self.sampling)
        return 2 * half + 1

    def samples(self, x: ArrayLike, y: ArrayLike) -> Floats:
        """Evaluate the model at positions, centred on the middle sample; shape (n, size, size) in samples."""
        u = (np.atleast_1d(np.asarray(x, np.float64)) - self.x_zero) / self.x_scale
        v = (np.atleast_1d(np.asarray(y, np.float64)) - self.y_zero) / self.y_scale
        terms = design_matrix(u, v, self.degree)
        return np.tensordot(terms, self.coefficients.astype(np.float64), axes=(1, 0))

    def stamps(self, x: ArrayLike, y: ArrayLike, size: int | None = None) -> Floats:
        """Render the PSF at positions and at their subpixel phases.

        Parameters
        ----------
        x, y : array of shape (n,)
            Positions (pixel).
        size : int, optional
            Side of the stamps (odd, pixel); by default that of the model.

        Returns
        -------
        array of shape (n, size, size)
            Stamps whose middle pixel is the pixel that holds the position, ``floor(x + 0.5)``. The sum over a wide
            enough stamp is 1.
        """
        x, y = np.atleast_1d(np.asarray(x, np.float64)), np.atleast_1d(np.asarray(y, np.float64))
        size = self.size if size is None else size
        x_phase, y_phase = x - np.floor(x + 0.5), y - np.floor(y + 0.5)
        near = self.within_reach(size)
        rows, columns = near.resampling(y_phase, size), near.resampling(x_phase, size)
        return np.matmul(np.matmul(rows, near.samples(x, y)), columns.transpose(0, 2, 1))

    def within_reach(self, size: int) -> PsfModel:
        """Return the model without the samples that no pixel of a stamp of a size (pixel) is interpolated from."""
        cut = self.coefficients.shape[-1] // 2 - (size // 2 + _HALF_WIDTH + 1)
        if self.sampling != 1.0 or cut <= 0:
            return self
        return replace(self, coefficients=self.coefficients[:, cut:-cut, cut:-cut])

    def stamp(self, x: float, y: float, size: int | None = None) -> Floats:
        """Render the PSF at one position; see `stamps`."""
        return self.stamps(x, y, size)[0]

    def centred(self, x: float, y: float, size: int | None = None) -> Floats:
        """Render the PSF that belongs to a position, centred on the middle pixel of the stamp."""
        size = self.size if size is None else size
        middle = self.resampling(np.zeros(1), size)[0]
        return middle @ self.samples(x, y)[0] @ middle.T

    def resampling(self, phase: Floats, size: int) -> Floats:
        """Return the matrices that interpolate the model's samples at detector pixels along one axis.

        Parameters
        ----------
        phase : array of shape (n,)
            Where the PSF is centred, relative to the middle pixel of the stamp (pixel).
        size : int
            Side of the stamp (odd, pixel).

        Returns
        -------
        array of shape (n, size, number of samples)
            Weights of a sinc in a Kaiser window of 8 samples to either side: ``rows @ samples @ columns.T`` is the
            stamp.
        """
        n_samples = self.coefficients.shape[-1]
        pixel = np.arange(size) - size // 2
        wanted = (pixel[None, :] - phase[:, None]) / self.sampling + n_samples // 2
        nearest = np.floor(wanted).astype(np.int64)
        taps = np.arange(1 - _HALF_WIDTH, _HALF_WIDTH + 1)
        fraction = wanted - nearest
        if self.sampling == 1.0:
            fraction = fraction[:, :1]
        weights = _kernel(taps - fraction[:, :, None])
        # The weights of a windowed sinc sum to 1 only nearly; a constant has to stay constant.
        weights /= weights.sum(axis=2, keepdims=True)
        # Beyond the stamp there is nothing: what reaches for samples there goes into a margin that is cut off.
        padded = np.zeros((len(phase), size, n_samples + 2 * _HALF_WIDTH))
        inside = (wanted > -1.0) & (wanted < n_samples)
        first = np.clip(nearest, -1, n_samples - 1) + 1
        index = first[:, :, None] + np.arange(2 * _HALF_WIDTH)
        np.put_along_axis(padded, index, np.where(inside[:, :, None], weights, 0.0), axis=2)
        return padded[:, :, _HALF_WIDTH : _HALF_WIDTH + n_samples]


def _kaiser_sinc_table() -> Floats:
    distance = np.linspace(0.0, _HALF_WIDTH, _HALF_WIDTH * _TABLE_STEPS + 1)
    window = np.i0(_KAISER_BETA * np.sqrt(1.0 - (distance / _HALF_WIDTH) ** 2)) / np.i0(_KAISER_BETA)
    return np.append(np.sinc(distance) * window, 0.0)


_TABLE = _kaiser_sinc_table()


def _kernel(distance: Floats) -> Floats:
    """Evaluate the interpolation kernel at distances of at most `_HALF_WIDTH` samples."""
    position = np.abs(distance) * _TABLE_STEPS
    lower = position.astype(np.int64)
    return _TABLE[lower] + (position - lower) * (_TABLE[lower + 1] - _TABLE[lower])
