"""The standard corrections, from raw pixels to electrons with variance and mask; one file each."""

from __future__ import annotations

from seechange_core.builtin.detrending.badpixels import BadPixels
from seechange_core.builtin.detrending.bias import Bias
from seechange_core.builtin.detrending.cosmicrays import CosmicRays
from seechange_core.builtin.detrending.crosstalk import Crosstalk
from seechange_core.builtin.detrending.dark import Dark
from seechange_core.builtin.detrending.edges import Edges
from seechange_core.builtin.detrending.flat import Flat, Illumination
from seechange_core.builtin.detrending.fringe import Fringe
from seechange_core.builtin.detrending.gain import Gain
from seechange_core.builtin.detrending.gainmatch import GainMatch
from seechange_core.builtin.detrending.interpolation import Interpolation
from seechange_core.builtin.detrending.linearity import Linearity
from seechange_core.builtin.detrending.noise import Noise
from seechange_core.builtin.detrending.overscan import Overscan
from seechange_core.builtin.detrending.saturation import Saturation
from seechange_core.builtin.detrending.trails import Trails

__all__ = [
    "BadPixels",
    "Bias",
    "CosmicRays",
    "Crosstalk",
    "Dark",
    "Edges",
    "Flat",
    "Fringe",
    "Gain",
    "GainMatch",
    "Illumination",
    "Interpolation",
    "Linearity",
    "Noise",
    "Overscan",
    "Saturation",
    "Trails",
]
