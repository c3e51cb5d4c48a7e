"""What every correction of raw pixels has to pass."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from seechange_core.api import Detrender, InputError, Rejected
from seechange_core.errors import PluginError
from seechange_core.frames import Calibration, MaskPlane, Pixels, SectionData, unusable
from seechange_core.imaging.robust import scatter
from seechange_core.testing.conformance.calibrators.sections import (
    STATES,
    State,
    known_calibration,
    masked_section,
    section_in,
    variance_of,
)
from seechange_core.testing.conformance.component import ComponentConformance
from seechange_core.testing.conformance.digest import digest

_STEP = np.float32(50.0)


class DetrenderConformance(ComponentConformance):
    """Contract of a correction on the way from raw pixels to electrons.

    Subclass it in the plugin's tests::

        class TestMine(DetrenderConformance):
            component = MyCorrection

            def calibration(self, kind):
                return CalibrationTable(kind, ColumnTable({"amplifier": ["A", "B"], "glow": [3.0, 2.0]}), "known")

            def expected(self, given):
                return without_glow(given.data)

    Both methods are needed only by some: `calibration` if it asks for a kind of calibration data that the core does not
    know, `expected` if what it makes of the pixels is simply told, for the check of that.

    It is given a section in the first of these forms in which it does something, or that it accepts: electrons, ADU
    (assembled), electrons with variance and mask, raw with overscan.
    """

    component: ClassVar[type[Detrender]]
    manual: ClassVar[str] = "docs/how-to/write-a-calibrator.md"

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.expected is DetrenderConformance.expected:
            cls.test_pixels_are_as_expected = None  # type: ignore[assignment,method-assign]

    def calibration(self, kind: str) -> Calibration:
        """Return calibration data of a kind, a frame or a table; to be written for kinds that the core does not know.

        They have to fit `ordinary_input`: a section ``1`` of two amplifiers ``A`` and ``B`` side by side.
        """
        try:
            return known_calibration(kind)
        except KeyError:
            pytest.skip(f"write calibration() in the plugin's tests: {kind} is no kind of the core")

    def expected(self, given: SectionData) -> Pixels:
        """Return the pixels that the correction has to make of the section; to be written where that is simple."""
        raise NotImplementedError

    @cached_property
    def calibrations(self) -> Mapping[str, Calibration]:
        """All calibration files that the correction asks for."""
        return {kind: self.calibration(kind) for kind in self.make().calibrations()}

    def ordinary_input(self) -> SectionData:
        """Return a CCD of two amplifiers with stars."""
        return section_in(self.once("state", self._accepted_state))

    def _accepted_state(self) -> State:
        accepted: list[State] = []
        for state in STATES:
            given = section_in(state)
            try:
                made = self.run(self.make(), given)
            except (PluginError, InputError):
                continue
            if _differ(made, given):
                return state
            accepted.append(state)
        self.require(
            accepted, "it accepts no form of a section", "PluginError or InputError", f"one of {STATES}"
        )
        return accepted[0]

    def run(self, component: Detrender, given: SectionData) -> SectionData:
        """Correct."""
        return component.apply(given, self.calibrations)

    def test_it_says_what_was_done(self) -> None:
        """Its name, with the calibration file that it used, is appended; or nothing is, and nothing has changed."""
        given, made = self.ordinary_input(), self.ordinary_output()
        if made.applied == given.applied:
            same = made.data is given.data or np.array_equal(made.data, given.data)
            asked = f"({self.component.name!r}, product id) appended"
            self.require(same, "pixels changed, but applied does not say so", made.applied, asked)
            return
        identities = {one.product_id for one in self.calibrations.values()} or {""}
        new = made.applied[len(given.applied) :]
        right = made.applied[: len(given.applied)] == given.applied and len(new) == 1
        self.require(
            right and new[0][0] == self.component.name and new[0][1] in identities,
            "what was applied is told wrongly",
            new,
            f"what was there, and ({self.component.name!r}, one of {sorted(identities)})",
        )

    def test_pixels_are_as_expected(self) -> None:
        """Where the plugin's tests say what it has to make."""
        expected = self.expected(self.ordinary_input())
        off = float(np.nanmax(np.abs(self.ordinary_output().data - expected)))
        self.require(
            off < 1e-3 * scatter(expected),
            "pixels are not as expected",
            f"off by up to {off:.3g}",
            "the same",
        )

    def test_planes_fit_each_other(self) -> None:
        """Shapes, types, boxes of the amplifiers, unit."""
        made = self.ordinary_output()
        ny, nx = made.data.shape
        planes = [plane for plane in (made.mask, made.variance) if plane is not None]
        inside = all(one.data.y1 <= ny and one.data.x1 <= nx for one in made.amplifiers)
        self.require(
            inside and all(plane.shape == (ny, nx) for plane in planes),
            "planes or boxes do not fit",
            [made.data.shape, *(plane.shape for plane in planes)],
            "one shape, boxes within",
        )
        self.require(
            made.data.dtype == np.float32 and made.unit in ("adu", "electron"),
            "type or unit of the pixels is wrong",
            (made.data.dtype, made.unit),
            "float32, adu or electron",
        )

    def test_mask_only_grows(self) -> None:
        """What others found to be wrong with a pixel stays."""
        given = self.ordinary_input()
        mask = np.zeros(given.data.shape, np.uint16)
        mask[::9, ::11] = int(MaskPlane.COSMIC_RAY)
        made = self.run(self.make(), given.replaced(mask=mask if given.mask is None else mask | given.mask))
        if made.data.shape != given.data.shape:
            pytest.skip("the section is assembled here")
        lost = int(np.count_nonzero(mask & ~(np.zeros_like(mask) if made.mask is None else made.mask)))
        self.require(not lost, "planes of the mask are lost", f"in {lost} pixels", "none")

    def test_variance_follows_the_pixels(self) -> None:
        """A pixel times c has its variance times c squared; a correction that adds noise adds variance."""
        given = self.ordinary_input()
        if given.variance is None and not self.component.for_calibrated:
            made = self.ordinary_output()
            if made.variance is not None:
                self._require_true_variance(made, made.variance)
            return
        variance = variance_of(given)
        made, doubled, raised = (
            self.run(self.make(), given.replaced(data=given.data + step, variance=factor * variance))
            for step, factor in ((0, 1), (0, 2), (_STEP, 1))
        )
        if made.variance is None or doubled.variance is None:
            self.require(False, "the variance is lost", None, "a variance")
            return
        if np.array_equal(made.variance, doubled.variance):
            self._require_true_variance(made, made.variance)
            return
        response = (raised.data - made.data) / _STEP
        ratio = made.variance / (np.maximum(response, 0.01) ** 2 * variance)
        typical = float(np.median(ratio[_usable(made)]))
        self.require(
            0.97 < typical < 1.10,
            "the variance does not follow the pixels",
            f"{typical:.3f} times",
            "once, or a little more",
        )

    def _require_true_variance(self, made: SectionData, variance: Pixels) -> None:
        """Compare a variance that was made from nothing with the scatter between neighbours, mostly sky."""
        usable = _usable(made)
        step = np.diff(made.data, axis=1)[usable[:, 1:] & usable[:, :-1]] / np.sqrt(2)
        measured = scatter(step) / float(np.sqrt(np.median(variance[usable])))
        self.require(
            0.9 < measured < 1.1,
            "the variance is not that of the sky",
            f"{measured:.3f} sigma",
            "1 within 0.1",
        )

    def test_masked_section_is_left_or_rejected(self) -> None:
        """Not an exception of another kind."""
        given = masked_section(self.ordinary_input())
        try:
            made: Any = self.run(self.make(), given)
        except (Rejected, InputError):
            return
        masked = made.mask is not None and bool(unusable(made.mask).all())
        self.require(masked, "a masked section becomes usable", "usable pixels", "the mask, or Rejected")

    def test_it_says_what_it_applies_to(self) -> None:
        """Raw sections; those that came calibrated only if it says so."""
        calibrated = self.ordinary_input().replaced(calibrated=True)
        applies = self.make().applies_to(calibrated)
        self.require(
            applies is False or self.component.for_calibrated,
            "it would be applied to calibrated images, whose provider did it already",
            f"applies_to gives {applies}",
            "False, or for_calibrated = True",
        )


def _usable(section: SectionData) -> NDArray[np.bool_]:
    return np.ones(section.data.shape, bool) if section.mask is None else ~unusable(section.mask)


def _differ(one: SectionData, other: SectionData) -> bool:
    """Tell whether pixels, mask or variance differ."""
    return digest((one.data, one.mask, one.variance)) != digest((other.data, other.mask, other.variance))
