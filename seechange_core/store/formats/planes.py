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

from seechange_core.frames import MASK_MEANINGS, Mask, Pixels

#: Quantisation step of noisy planes in units of their noise.
NOISE_STEP = 1 / 8
#: Quantisation step of smooth planes in units of their level.
SMOOTH_STEP = 1 / 512
# The level is measured on the quiet part of an image, so that no part of it is rounded more coarsely.
_QUIET_PERCENTILE = 5.0
_SAMPLES_PER_AXIS = 256


def noisy_plane(name: str, data: Pixels, noise: float, unit: str) -> Any:
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
    return _compressed(name, data, noise * NOISE_STEP, True, unit)


def smooth_plane(name: str, data: Pixels, unit: str) -> Any:
    """Compress a plane without noise of its own, such as a variance."""
    return _compressed(name, data, quiet_level(data) * SMOOTH_STEP, False, unit)


def mask_plane(name: str, mask: Mask) -> Any:
    """Compress a mask without loss; cards MASK0, MASK1 ... name its bits and say what they mean."""
    from seechange_core.store.formats.compressed_plane import exact_plane

    hdu = exact_plane(name, mask)
    for plane, meaning in MASK_MEANINGS.items():
        hdu.header[f"MASK{int(plane).bit_length() - 1}"] = (str(plane.name), meaning)
    return hdu


def quiet_level(data: Pixels) -> float:
    """Return what 5 per cent of the positive finite pixels are below, from a grid of samples; 0 if there are none."""
    rows, columns = (max(1, side // _SAMPLES_PER_AXIS) for side in data.shape)
    samples = data[::rows, ::columns]
    positive = samples[np.isfinite(samples) & (samples > 0)]
    return float(np.percentile(positive, _QUIET_PERCENTILE)) if positive.size else 0.0


def _compressed(name: str, data: Pixels, step: float, dithered: bool, unit: str) -> Any:
    from seechange_core.store.formats.compressed_plane import rounded_plane

    hdu = rounded_plane(name, data, step, dithered=dithered) if step > 0 else None
    if hdu is None:
        # Without a step that fits, nothing is rounded; an infinite pixel would be incompressible.
        finite = np.where(np.isfinite(data), data, np.float32(np.nan))
        hdu = fits.CompImageHDU(finite, name=name, compression_type="GZIP_2", quantize_level=0.0)
    hdu.header["BUNIT"] = unit
    return hdu
