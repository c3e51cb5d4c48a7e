"""The core's own cameras pass what plugins have to pass."""

from __future__ import annotations

from seechange_core.builtin.fits_images import FitsImages
from seechange_core.builtin.simcam import Simcam
from seechange_core.testing import InstrumentConformance


class TestSimcam(InstrumentConformance):
    component = Simcam


class TestFitsImages(InstrumentConformance):
    component = FitsImages
