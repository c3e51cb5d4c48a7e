"""A point-spread function that varies over the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from seechange_core.frames.arrays import Floats, Pixels
from seechange_core.frames.polynomial import design_matrix

_LANCZOS_ORDER = 5


@dataclass(frozen=True)
class PsfModel:
    """Every pixel of the PSF's stamp is a polynomial of position.

    The value of a sample is the light that falls on a whole detector pixel centred there, so that a rendered stamp can be
    compared with data directly.

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
            Stamps whose middle pixel is the pixel that holds the position, ``floor(x + 0.5)``. The sum over a wide enough
            stamp is 1.
        """
        x, y = np.atleast_1d(np.asarray(x, np.float64)), np.atleast_1d(np.asarray(y, np.float64))
        size = self.size if size is None else size
        x_phase, y_phase = x - np.floor(x + 0.5), y - np.floor(y + 0.5)
        rows, columns = self._resampling(y_phase, size), self._resampling(x_phase, size)
        samples = self.samples(x, y)
        return np.matmul(np.matmul(rows, samples), columns.transpose(0, 2, 1))

    def stamp(self, x: float, y: float, size: int | None = None) -> Floats:
        """Render the PSF at one position; see `stamps`."""
        return self.stamps(x, y, size)[0]

    def centred(self, x: float, y: float, size: int | None = None) -> Floats:
        """Render the PSF that belongs to a position, centred on the middle pixel of the stamp."""
        size = self.size if size is None else size
        middle = self._resampling(np.zeros(1), size)[0]
        return middle @ self.samples(x, y)[0] @ middle.T

    def _resampling(self, phase: Floats, size: int) -> Floats:
        """Matrices (n, size, samples) that interpolate the stamp's samples at detector pixels, by Lanczos' kernel."""
        n_samples = self.coefficients.shape[-1]
        pixel = np.arange(size) - size // 2
        wanted = (pixel[None, :] - phase[:, None]) / self.sampling + n_samples // 2
        distance = wanted[:, :, None] - np.arange(n_samples)[None, None, :]
        weights = np.sinc(distance) * np.sinc(distance / _LANCZOS_ORDER)
        weights[np.abs(distance) >= _LANCZOS_ORDER] = 0.0
        # Lanczos weights sum to 1 only nearly; a constant has to stay constant.
        inside = (wanted >= 0) & (wanted <= n_samples - 1)
        total = weights.sum(axis=2, keepdims=True)
        weights = np.where(inside[:, :, None] & (total > 0), weights / np.where(total > 0, total, 1.0), weights)
        return weights
