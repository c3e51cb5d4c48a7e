"""The core's own calibrators pass what plugins have to pass."""

from __future__ import annotations

import numpy as np

from seechange_core.builtin import detrending
from seechange_core.builtin.astrometry_header import HeaderAstrometry
from seechange_core.builtin.astrometry_relative import RelativeAstrometry
from seechange_core.builtin.astrometry_stars import StarsAstrometry
from seechange_core.builtin.background_sep import SepBackground
from seechange_core.builtin.photometry_relative import RelativePhotometry
from seechange_core.builtin.photometry_stars import StarsPhotometry
from seechange_core.builtin.psf_pixelgrid import PixelGridPsf
from seechange_core.builtin.psf_supplied import SuppliedPsf
from seechange_core.frames import MaskPlane, Pixels, SectionData
from seechange_core.testing import (
    AstrometryConformance,
    BackgroundConformance,
    DetrenderConformance,
    PhotometryConformance,
    PsfConformance,
)
from seechange_core.testing.raw_scenes import SHAPE


class TestBadPixels(DetrenderConformance):
    component = detrending.BadPixels

    def expected(self, given: SectionData) -> Pixels:
        return given.data

    def test_boxes_are_masked(self) -> None:
        mask = self.ordinary_output().mask
        bad = (mask & MaskPlane.BAD) != 0
        assert bad.sum() == 4 * 7 + SHAPE[0]
        assert bad[10:17, 30:34].all()
        assert bad[:, 300].all()


class TestLinearity(DetrenderConformance):
    component = detrending.Linearity

    def expected(self, given: SectionData) -> Pixels:
        half = SHAPE[1] // 2
        bend = np.where(np.arange(SHAPE[1]) < half, 2e-6, -1e-6)
        return given.data * (1.0 + bend * given.data)


class TestCrosstalk(DetrenderConformance):
    component = detrending.Crosstalk

    def expected(self, given: SectionData) -> Pixels:
        left, right = given.amplifiers
        made = given.data.copy()
        for victim, source, linear in ((left, right, 3e-4), (right, left, -5e-4)):
            signal = given.data[source.data.slices] - np.median(given.data[source.overscan.slices])
            # They are read towards opposite sides.
            made[victim.data.slices] -= linear * signal[:, ::-1]
        return made


for name in sorted({*detrending.__all__} - {"BadPixels", "Crosstalk", "Linearity"}):
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
