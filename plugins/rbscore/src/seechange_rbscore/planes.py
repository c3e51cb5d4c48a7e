"""What the network sees of a candidate's stamps: planes without units, whatever the camera and its zero point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Floats, Pixels, Stamps, unusable

#: Side of the part of a stamp that is looked at (pixel); larger ones are cropped, what smaller ones lack is masked.
SIZE = 41
#: More light in the image that has the candidate's light, the other image, the difference, unusable pixels.
N_PLANES = 4
#: Of the Gaussian that finds the sign of a candidate (pixel).
_CORE_SIGMA = 1.2
_SIGMA_QUANTILE = 0.1587
_SOFTNESS = 3.0


def network_planes(stamps: Stamps) -> tuple[Pixels, Floats]:
    """Return stamps as the network takes them.

    Each stamp is normalised alone: its median becomes 0, and the scatter below the median 1, so that sources do not
    count; then the inverse hyperbolic sine keeps bright stars within bounds. Where the difference is negative in
    the middle, it is turned round, and new image and reference change places: a source that faded looks like one
    that appeared.

    Returns
    -------
    planes : array of shape (n, N_PLANES, SIZE, SIZE), float32
        The last is 1 where a pixel is unusable and 0 elsewhere.
    sign : array of shape (n,)
        1 or -1.
    """
    mask = _resized(unusable(stamps.mask).astype(np.float32), 1.0)
    difference = _normalised(_resized(stamps.difference, np.nan))
    new, ref = (_normalised(_resized(plane, np.nan)) for plane in (stamps.new, stamps.ref))
    sign = np.where(np.einsum("nij,ij->n", difference, _core()) < 0, -1.0, 1.0)
    turned = (sign < 0)[:, None, None]
    planes = np.stack(
        [
            np.where(turned, ref, new),
            np.where(turned, new, ref),
            np.where(turned, -difference, difference),
            mask,
        ],
        axis=1,
    )
    return planes.astype(np.float32, copy=False), sign


def _resized(plane: Pixels, fill: float) -> Pixels:
    """Cut the middle out, or surround with a fill value."""
    size = plane.shape[-1]
    if size >= SIZE:
        first = (size - SIZE) // 2
        return plane[:, first : first + SIZE, first : first + SIZE]
    first = (SIZE - size) // 2
    margins = ((0, 0), (first, SIZE - size - first), (first, SIZE - size - first))
    return np.pad(plane, margins, constant_values=fill)


def _normalised(plane: Pixels) -> Pixels:
    """Bring every stamp to median 0 and scatter 1, compressed; 0 where there is no value."""
    flat = plane.reshape(len(plane), SIZE * SIZE)
    finite = np.isfinite(flat)
    ordered = np.sort(np.where(finite, flat, np.float32(np.inf)), axis=1)
    number = finite.sum(axis=1)
    rows = np.arange(len(plane))
    last = np.maximum(number - 1, 0)
    middle = np.where(number > 0, ordered[rows, last // 2], np.float32(0))
    low = np.where(number > 0, ordered[rows, (last * _SIGMA_QUANTILE).astype(int)], np.float32(0))
    # Two equal quantiles are a stamp of hardly any noise, such as a constant fill.
    scatter = np.maximum(middle - low, 1e-6 * np.abs(middle) + np.float32(1e-12))
    scaled = np.where(finite, (flat - middle[:, None]) / scatter[:, None], np.float32(0))
    result: Pixels = (np.arcsinh(scaled) / np.float32(_SOFTNESS)).reshape(plane.shape).astype(np.float32)
    return result


def _core() -> Pixels:
    offset = np.arange(SIZE) - SIZE // 2
    profile = np.exp(-0.5 * (offset / _CORE_SIGMA) ** 2)
    return np.outer(profile, profile).astype(np.float32)


def seen(stamps: Stamps) -> NDArray[np.bool_]:
    """Return which stamps have a usable pixel within two of the middle of their difference."""
    middle = stamps.size // 2
    core = np.s_[:, max(middle - 2, 0) : middle + 3, max(middle - 2, 0) : middle + 3]
    usable = np.isfinite(stamps.difference[core]) & ~unusable(stamps.mask[core])
    return np.asarray(usable.any(axis=(1, 2)))
