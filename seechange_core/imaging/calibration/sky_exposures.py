"""Exposures of the sky as calibration: where sources are, and what remains without the smooth sky."""

from __future__ import annotations

import numpy as np
import sep
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from seechange_core.frames import Pixels, SectionData, unusable
from seechange_core.imaging.matched_filter import significance
from seechange_core.imaging.robust import scatter

#: Cells of the sky (pixel): to find sources, and under fringes, whose broader bands must not be taken for sky.
_MESH_PIXELS, _SMOOTH_MESH_PIXELS = 128, 256
#: Full widths of the filters (pixel) that sources are sought with, and how far around them is hidden.
_FILTERS = ((3.5, 5), (8.0, 3))
_THRESHOLD = 4.0
#: A brighter pixel (sigma) counts no more, lest the wide filter spread the cores of stars.
_BRIGHTEST_SIGMA = 10.0


def smooth_sky(section: SectionData) -> Pixels:
    """Return the smooth level of the sky under the sources, in the unit of the section."""
    return np.asarray(_mesh(section.data, _hidden(section), _SMOOTH_MESH_PIXELS).back(), np.float32)


def sources_of(section: SectionData) -> NDArray[np.bool_]:
    """Return where sources are, with what surrounds them, and pixels that are masked.

    The threshold follows the scatter of the filtered image, so that fringes, which have no high peaks, are not taken
    for sources.
    """
    hidden = _hidden(section)
    mesh = _mesh(section.data, hidden, _MESH_PIXELS)
    rms = np.asarray(mesh.rms(), np.float32)
    excess = np.where(hidden, np.float32(0.0), np.minimum(section.data - mesh.back(), _BRIGHTEST_SIGMA * rms))
    excess, variance = excess.astype(np.float32), rms**2
    found = hidden.copy()
    for fwhm, margin in _FILTERS:
        filtered = significance(excess, variance, hidden, fwhm)
        usual = scatter(filtered[::4, ::4][~hidden[::4, ::4]])
        found |= maximum_filter(filtered > _THRESHOLD * usual, 2 * margin + 1)
    return found


def _hidden(section: SectionData) -> NDArray[np.bool_]:
    gaps = ~np.isfinite(section.data)
    return gaps if section.mask is None else gaps | unusable(section.mask)


def _mesh(data: Pixels, hidden: NDArray[np.bool_], cell: int) -> sep.Background:
    filled = np.ascontiguousarray(np.where(hidden, np.float32(0.0), data), np.float32)
    return sep.Background(filled, mask=hidden, bw=cell, bh=cell, fw=3, fh=3)
