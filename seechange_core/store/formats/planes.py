"""Compression of the pixel planes of an image.

Noisy planes are quantised in steps of an eighth of the noise with subtractive dithering and Rice-compressed: the
rounding error is uniform and independent of the signal, so it raises the noise by the factor
sqrt(1 + (1/8)^2 / 12) = 1.00065 and biases nothing (Pence, Seaman & White 2009, PASP 121, 414). A calibrated image
takes about 6 bits a pixel. Smooth planes (variance) are quantised, without dithering, in steps of 1/512 of their
level. Pixels that are not finite come back as NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy.io import fits
from astropy.io.fits.hdu.compressed import NO_DITHER, SUBTRACTIVE_DITHER_1

from seechange_core.frames import MASK_MEANINGS, Mask, Pixels

#: Quantisation step of noisy planes in units of their noise.
NOISE_STEP = 1 / 8
#: Quantisation step of smooth planes in units of their level.
SMOOTH_STEP = 1 / 512
_DITHER_SEED = 1
_TILE_ROWS = 64
# The level is measured on the quiet part of an image, so that no part of it is rounded more coarsely.
_QUIET_PERCENTILE = 5.0
_SAMPLES_PER_AXIS = 256


def noisy_plane(name: str, data: Pixels, noise: float, unit: str) -> fits.CompImageHDU:
    """Compress pixels whose noise is known.

    Parameters
    ----------
    name : str
        Of the extension.
    data : array of shape (ny, nx)
        In `unit`.
    noise : float
        Scatter of a pixel in the quietest part of the image (`unit`); 0 or less: lossless.
    unit : str
        For the card BUNIT.
    """
    return _compressed(name, data, noise * NOISE_STEP, SUBTRACTIVE_DITHER_1, unit)


def smooth_plane(name: str, data: Pixels, unit: str) -> fits.CompImageHDU:
    """Compress a plane without noise of its own, such as a variance."""
    return _compressed(name, data, quiet_level(data) * SMOOTH_STEP, NO_DITHER, unit)


def mask_plane(name: str, mask: Mask) -> fits.CompImageHDU:
    """Compress a mask without loss; cards MASK0, MASK1 ... name its bits and say what they mean."""
    hdu = fits.CompImageHDU(mask, name=name, compression_type="RICE_1", tile_shape=_tile(mask))
    for plane, meaning in MASK_MEANINGS.items():
        hdu.header[f"MASK{int(plane).bit_length() - 1}"] = (str(plane.name), meaning)
    return hdu


def quiet_level(data: Pixels) -> float:
    """Return what 5 per cent of the positive finite pixels are below, from a grid of samples; 0 if there are none."""
    rows, columns = (max(1, side // _SAMPLES_PER_AXIS) for side in data.shape)
    samples = data[::rows, ::columns]
    positive = samples[np.isfinite(samples) & (samples > 0)]
    return float(np.percentile(positive, _QUIET_PERCENTILE)) if positive.size else 0.0


def _compressed(name: str, data: Pixels, step: float, dither: int, unit: str) -> fits.CompImageHDU:
    finite = np.isfinite(data)
    if not finite.all():
        # An infinite pixel would make its whole tile incompressible.
        data = np.where(finite, data, np.float32(np.nan))
    options: dict[str, Any] = {"compression_type": "GZIP_2", "quantize_level": 0.0}
    if step > 0:
        # A negative level is the step itself, in the units of the data.
        options = {"compression_type": "RICE_1", "quantize_level": -step, "quantize_method": dither}
        if dither != NO_DITHER:
            options["dither_seed"] = _DITHER_SEED
    hdu = fits.CompImageHDU(data, name=name, tile_shape=_tile(data), **options)
    hdu.header["BUNIT"] = unit
    return hdu


def _tile(data: np.ndarray[Any, Any]) -> tuple[int, int]:
    return min(_TILE_ROWS, data.shape[0]), data.shape[1]
