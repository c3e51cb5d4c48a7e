"""The core's own calibrators pass what plugins have to pass."""

from __future__ import annotations

from seechange_core.builtin import detrending
from seechange_core.builtin.astrometry_header import HeaderAstrometry
from seechange_core.builtin.astrometry_relative import RelativeAstrometry
from seechange_core.builtin.astrometry_stars import StarsAstrometry
from seechange_core.builtin.background_sep import SepBackground
from seechange_core.builtin.photometry_relative import RelativePhotometry
from seechange_core.builtin.photometry_stars import StarsPhotometry
from seechange_core.builtin.psf_pixelgrid import PixelGridPsf
from seechange_core.builtin.psf_supplied import SuppliedPsf
from seechange_core.testing import (
    AstrometryConformance,
    BackgroundConformance,
    DetrenderConformance,
    PhotometryConformance,
    PsfConformance,
)

for name in detrending.__all__:
    case = f"Test{name}"
    globals()[case] = type(case, (DetrenderConformance,), {"component": getattr(detrending, name)})


class TestSepBackground(BackgroundConformance):
    component = SepBackground


class TestPixelGridPsf(PsfConformance):
    component = PixelGridPsf


class TestSuppliedPsf(PsfConformance):
    component = SuppliedPsf


class TestStarsAstrometry(AstrometryConformance):
    component = StarsAstrometry


class TestHeaderAstrometry(AstrometryConformance):
    component = HeaderAstrometry


class TestRelativeAstrometry(AstrometryConformance):
    component = RelativeAstrometry
    parameters = {"frame": "first.fits"}


class TestStarsPhotometry(PhotometryConformance):
    component = StarsPhotometry


class TestRelativePhotometry(PhotometryConformance):
    component = RelativePhotometry
    parameters = {"frame": "first.fits"}
