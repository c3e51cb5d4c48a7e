"""A point-spread function that varies over the field, known exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seechange_core.frames import Floats, PsfModel
from seechange_core.frames.polynomial import design_matrix

#: The PSF holds 1 within a circle of this radius.
NORMALISATION_RADIUS_FWHM = 5.0
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(3)
_CHUNK_PIXELS = 200_000


@dataclass(frozen=True)
class MoffatField:
    """An elliptical Moffat profile that varies as a low polynomial of position, integrated over pixels.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the image that the field belongs to.
    fwhm : float
        In the middle of the image (pixel).
    shear : tuple of float
        Reduced shear (g1, g2) in the middle of the image.
    beta : float
        Exponent of the profile.
    width_terms : tuple of float
        Of u, v, u^2 - 1/3 and u v in the relative change of the width; u and v run from -1 to 1 over the
        image.
    shear_slope : float
        Change of g1 with v, and of -g2 with u.

    Notes
    -----
    Moffat (1969), A&A 3, 455. Normalised to 1 within 5 FWHM.
    """

    shape: tuple[int, int]
    fwhm: float
    shear: tuple[float, float] = (0.0, 0.0)
    beta: float = 3.5
    width_terms: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    shear_slope: float = 0.0

    def parameters(self, x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
        """Return FWHM (pixel) and shear (g1, g2) at positions."""
        u = 2.0 * (np.asarray(x) + 0.5) / self.shape[1] - 1.0
        v = 2.0 * (np.asarray(y) + 0.5) / self.shape[0] - 1.0
        a, b, c, d = self.width_terms
        fwhm = self.fwhm * (1.0 + a * u + b * v + c * (u * u - 1.0 / 3.0) + d * u * v)
        return fwhm, self.shear[0] + self.shear_slope * v, self.shear[1] - self.shear_slope * u

    def stamps(self, x: Floats, y: Floats, size: int) -> Floats:
        """Draw the PSF at positions and at their subpixel phases.

        Parameters
        ----------
        x, y : array of shape (n,)
            Pixel.
        size : int
            Side of the stamps (odd).

        Returns
        -------
        array of shape (n, size, size)
            The middle pixel is the one that holds the position, ``floor(x + 0.5)``.
        """
        return self._drawn(x, y, x - np.floor(x + 0.5), y - np.floor(y + 0.5), size)

    def centred(self, x: Floats, y: Floats, size: int) -> Floats:
        """Draw the PSF that belongs to positions, centred on the middle pixel."""
        return self._drawn(x, y, np.zeros(len(x)), np.zeros(len(y)), size)

    def model(self, degree: int = 3, grid: int = 8) -> PsfModel:
        """Return this field as the polynomial model that the pipeline works with."""
        ny, nx = self.shape
        size = 2 * int(np.ceil(NORMALISATION_RADIUS_FWHM * self.fwhm)) + 1
        y, x = np.meshgrid(np.linspace(0, ny - 1.0, grid), np.linspace(0, nx - 1.0, grid), indexing="ij")
        x_zero, y_zero = (nx - 1) / 2, (ny - 1) / 2
        terms = design_matrix((x.ravel() - x_zero) / (nx / 2), (y.ravel() - y_zero) / (ny / 2), degree)
        stamps = self.centred(x.ravel(), y.ravel(), size).reshape(grid * grid, -1)
        coefficients = np.linalg.lstsq(terms, stamps, rcond=None)[0].reshape(-1, size, size)
        return PsfModel(
            coefficients.astype(np.float32), degree, x_zero, y_zero, nx / 2, ny / 2, 1.0, self.fwhm
        )

    def _drawn(self, x: Floats, y: Floats, x_phase: Floats, y_phase: Floats, size: int) -> Floats:
        fwhm, g1, g2 = self.parameters(np.asarray(x, np.float64), np.asarray(y, np.float64))
        alpha = fwhm / (2.0 * np.sqrt(2.0 ** (1.0 / self.beta) - 1.0))
        unit = alpha**2 * (1.0 - g1**2 - g2**2)
        xx = ((1.0 - g1) ** 2 + g2**2) / unit
        yy = ((1.0 + g1) ** 2 + g2**2) / unit
        xy = -4.0 * g2 / unit
        inside = 1.0 - (1.0 + (NORMALISATION_RADIUS_FWHM * fwhm / alpha) ** 2) ** (1.0 - self.beta)
        peak = (self.beta - 1.0) / (np.pi * alpha**2) / inside
        pixel = np.arange(size) - size // 2
        single = (value.astype(np.float32)[:, None] for value in (xx, yy, xy, x_phase, y_phase))
        xx_1, yy_1, xy_1, x_1, y_1 = single
        out = np.empty((len(fwhm), size, size))
        step = max(1, _CHUNK_PIXELS // size**2)
        for start in range(0, len(fwhm), step):
            part = slice(start, start + step)
            total = np.zeros((len(fwhm[part]), size, size), dtype=np.float32)
            for y_node, y_weight in zip(_NODES / 2, _WEIGHTS / 2, strict=True):
                dy = (pixel + y_node).astype(np.float32) - y_1[part]
                for x_node, x_weight in zip(_NODES / 2, _WEIGHTS / 2, strict=True):
                    dx = (pixel + x_node).astype(np.float32) - x_1[part]
                    radius2 = (xy_1[part] * dy)[:, :, None] * dx[:, None, :]
                    radius2 += (xx_1[part] * dx**2)[:, None, :]
                    radius2 += (1.0 + yy_1[part] * dy**2)[:, :, None]
                    total += np.float32(x_weight * y_weight) * radius2 ** np.float32(-self.beta)
            out[part] = total * peak[part, None, None]
        return out
