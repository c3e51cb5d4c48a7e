"""What every subtraction algorithm has to pass, on simulated pairs with their truth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest

from seechange_core.api import Rejected, Subtractor
from seechange_core.frames import AlignedPair, Difference, Pixels, unusable
from seechange_core.imaging.robust import scatter
from seechange_core.imaging.subtraction.point_source_score import with_score
from seechange_core.simulation.pair import SimulatedPair
from seechange_core.testing.conformance import pairs
from seechange_core.testing.conformance.component import ComponentConformance
from seechange_core.testing.subtraction import SubtractionFigures, psf_photometry, subtraction_figures

#: Of a pixel's noise: what may be left of a smooth difference between the two skies.
_LEFT_OF_SKY = 0.15 / 28
_BLOCK = 64
#: Of `simulation.image_pair.CONDITIONS`, beside both orders of the seeing, misregistration and partial coverage.
_DIFFICULT = ("undersampled", "elongated", "bright-sky", "spoilt")


class SubtractorConformance(ComponentConformance):
    """Contract and science of a subtractor.

    Subclass it in the plugin's tests::

        class TestMine(SubtractorConformance):
            component = MySubtractor
    """

    component: ClassVar[type[Subtractor]]
    manual: ClassVar[str] = "docs/how-to/write-a-subtractor.md"

    def ordinary_input(self) -> AlignedPair:
        """Return a pair without difficulties."""
        return pairs.pair_under("aligned").pair

    def run(self, component: Subtractor, given: AlignedPair) -> Difference:
        """Subtract."""
        return component.subtract(given)

    def difference(self, conditions: str) -> Difference:
        """Return the difference under some conditions; with the core's score if the algorithm has none."""
        return self.once(
            conditions, lambda: with_score(self.make().subtract(pairs.pair_under(conditions).pair))
        )

    def figures(self, conditions: str) -> SubtractionFigures:
        """Return what the difference is worth by the truth."""
        return self.once(
            f"{conditions} figures",
            lambda: subtraction_figures(pairs.pair_under(conditions), self.difference(conditions)),
        )

    @pytest.mark.parametrize("conditions", ["aligned", "swapped", "equal", *_DIFFICULT])
    def test_score_has_scatter_1_on_empty_sky(self, conditions: str) -> None:
        """In both orders of the seeing: or a threshold in sigma means something else."""
        measured = self.figures(conditions).score_scatter
        # Some 40,000 independent pixels: a scatter is known to 0.4 %.
        self.require(
            abs(measured - 1.0) < 0.03,
            f"the noise of the score is not 1 ({conditions})",
            f"{measured:.3f}",
            "0.97 to 1.03",
        )

    @pytest.mark.parametrize("conditions", ["aligned", "swapped", "equal"])
    def test_transients_are_found(self, conditions: str) -> None:
        """As many as their signal-to-noise ratios promise, and all bright ones."""
        found = self.figures(conditions)
        least = found.n_expected - 3 * found.n_expected_error
        self.require(
            found.n_found > least and not found.n_missed_bright,
            f"too few transients are found ({conditions})",
            f"{found.n_found}, and {found.n_missed_bright} beyond 10 sigma are missed",
            f"more than {least:.1f}, and none missed",
        )

    @pytest.mark.parametrize("conditions", ["empty", "swapped", "equal", *_DIFFICULT])
    def test_empty_sky_gives_no_detections(self, conditions: str) -> None:
        """Gaussian noise alone has 0.3 peaks beyond 5 sigma on such an image."""
        if conditions == "empty":
            simulated = pairs.pair_under("empty")
            number = _n_peaks(_score(self.difference("empty")), simulated)
        else:
            number = self.figures(conditions).n_false
        # Nobody knows what lies between pixels that undersample the PSF, where the images are displaced besides.
        most = 8 if conditions == "undersampled" else 3
        self.require(number <= most, f"there are false detections ({conditions})", number, f"at most {most}")

    def test_misregistration_gives_no_detections(self) -> None:
        """The pair says how large it is: 0.12 and 0.09 pixel."""
        number = self.figures("displaced").n_false
        self.require(
            number <= 4,
            "misregistration that the pair tells of gives false detections",
            number,
            "at most 4: AlignedPair.registration_error has to enter the score",
        )

    def test_what_brightened_is_positive(self) -> None:
        """New minus reference."""
        simulated = pairs.pair_under("aligned")
        difference = self.difference("aligned")
        flux, _ = psf_photometry(difference, simulated.transients["x"], simulated.transients["y"])
        bright = simulated.transients["expected_snr"] > 8
        positive = float(np.mean(flux[bright] > 0))
        self.require(positive > 0.9, "the sign is wrong", f"{positive:.0%} of transients are positive", "all")

    def test_fluxes_are_unbiased(self) -> None:
        """PSF photometry of the difference gives electrons of the new image."""
        found = self.figures("aligned")
        limit = 0.01 + 3 * found.flux_bias_error
        self.require(
            abs(found.flux_bias) < limit,
            "fluxes are biased",
            f"{found.flux_bias:+.3f}",
            f"within {limit:.3f} of 0",
        )

    def test_flux_image_is_unbiased(self) -> None:
        """Where the algorithm gives one: the flux of a source in the middle of each pixel."""
        found = self.figures("aligned")
        limit = 0.01 + 3 * found.flux_bias_error
        self.require(
            abs(found.flux_image_bias) < limit,
            "the flux image is biased",
            f"{found.flux_image_bias:+.3f}",
            f"within {limit:.3f} of 0",
        )

    def test_flux_is_linear(self) -> None:
        """From 30 to 1000 sigma the same part of the light comes out."""
        pair, x, y, flux = pairs.pair_with_bright_stars(pairs.pair_under("aligned"))
        measured, error = psf_photometry(self.make().subtract(pair), x, y)
        before, _ = psf_photometry(self.difference("aligned"), x, y)
        ratio = (measured - before) / flux
        limit = 0.02 + 3 * error / flux
        self.require(
            np.all(np.abs(ratio - 1) < limit),
            "the flux of sources is not linear",
            ", ".join(
                f"{one:.3f} at {snr:.0f} sigma" for one, snr in zip(ratio, pairs.BRIGHT_SNR, strict=True)
            ),
            "1 within 2 % and the noise",
        )

    def test_errors_of_fluxes_are_right(self) -> None:
        """They cover what the measured fluxes scatter about the true ones."""
        measured = self.figures("aligned").pull_rms
        self.require(
            0.65 < measured < 1.35,
            "errors of fluxes are wrong",
            f"{measured:.2f} errors of scatter",
            "1 within 0.35",
        )

    def test_variance_is_that_of_the_pixels(self) -> None:
        """On empty sky; electrons squared of the difference, not of one input."""
        difference, empty = self.difference("aligned"), pairs.pair_under("aligned").empty
        measured = scatter((difference.data / np.sqrt(difference.variance))[empty])
        self.require(
            abs(measured - 1) < 0.05,
            "the variance is not that of the pixels",
            f"pixels scatter by {measured:.3f} times the square root of the variance",
            "1 within 0.05",
        )

    def test_psf_is_normalised(self) -> None:
        """Fluxes are measured with it."""
        difference = self.difference("aligned")
        ny, nx = difference.data.shape
        sums = difference.psf.stamps([nx / 4, nx / 2, 0.8 * nx], [ny / 3, ny / 2, 0.7 * ny]).sum(axis=(1, 2))
        self.require(
            np.all(np.abs(sums - 1) < 0.02),
            "the PSF of the difference is not normalised",
            np.round(sums, 3),
            "sums of 1",
        )

    def test_identical_images_leave_nothing(self) -> None:
        """An image minus itself is 0."""
        pair = pairs.identical_pair(pairs.pair_under("aligned"))
        left = float(np.abs(self.make().subtract(pair).data).max())
        brightest = float(pair.new.data.max())
        # Rounding: a millionth of the brightest star.
        self.require(
            left < 1e-6 * brightest,
            "identical images leave a residue",
            f"{left:.3g} electron",
            f"{1e-6 * brightest:.2g}",
        )

    def test_other_sky_level_is_taken_out(self) -> None:
        """A smooth difference of the two skies leaves no trace."""
        simulated = pairs.pair_under("aligned")
        difference = self.make().subtract(pairs.pair_with_other_sky(simulated))
        left = difference.data - self.difference("aligned").data
        blocks = left.reshape(pairs.SHAPE[0] // _BLOCK, _BLOCK, pairs.SHAPE[1] // _BLOCK, _BLOCK)
        worst = float(np.abs(np.median(blocks, axis=(1, 3))).max())
        limit = _LEFT_OF_SKY * float(np.sqrt(np.median(difference.variance)))
        self.require(worst < limit, "some of the sky is left", f"{worst:.3f} electron", f"below {limit:.3f}")

    def test_mask_hides_what_both_inputs_hide(self) -> None:
        """A superset, where they forbid the use of a pixel."""
        pair, difference = pairs.pair_under("spoilt").pair, self.difference("spoilt")
        hidden = unusable(pair.new.mask) | unusable(pair.ref.mask)
        lost = int(np.count_nonzero(hidden & ~unusable(difference.mask)))
        self.require(
            not lost, "unusable pixels of the inputs are usable in the difference", f"{lost} pixels", "none"
        )

    def test_mask_hides_little_else(self) -> None:
        """What both inputs have is not given away."""
        pair, difference = pairs.pair_under("spoilt").pair, self.difference("spoilt")
        usable = ~(unusable(pair.new.mask) | unusable(pair.ref.mask))
        lost = float(np.mean(unusable(difference.mask)[usable]))
        self.require(lost < 0.1, "usable pixels are masked in the difference", f"{lost:.1%}", "below 10 %")

    def test_unusable_pixels_have_no_score(self) -> None:
        """NaN, so that nothing is detected there."""
        pair, score = pairs.pair_under("spoilt").pair, _score(self.difference("spoilt"))
        hidden = unusable(pair.new.mask) | unusable(pair.ref.mask)
        scored = int(np.count_nonzero(np.isfinite(score) & hidden))
        self.require(not scored, "unusable pixels have a score", f"{scored} pixels", "NaN in all of them")

    def test_bad_pixels_cost_their_surroundings_only(self) -> None:
        """NaN in the input must not spread."""
        difference = self.difference("spoilt")
        lost = float(np.mean(~np.isfinite(_score(difference))))
        holes = int(np.count_nonzero(~np.isfinite(difference.data)))
        # 0.6 % of the pixels are bad; a disc of half a FWHM (2.4 pixels) holds 21, and the rim is left out.
        self.require(
            lost < 0.006 * 21 + 0.05 and not holes,
            "bad pixels spoil others",
            f"{lost:.1%} of the pixels have no score, {holes} no value",
            "below 17 %, and 0",
        )

    def test_uncovered_part_has_no_score(self) -> None:
        """The reference covers 60 %; the rest is as good as ever."""
        edge = round(0.6 * pairs.SHAPE[1])
        scored = int(np.count_nonzero(np.isfinite(_score(self.difference("partial"))[:, edge:])))
        self.require(not scored, "pixels without a reference have a score", f"{scored} pixels", "none")
        found = self.figures("partial")
        self.require(
            found.n_false <= 3 and not found.n_missed_bright,
            "the covered part suffers from the other",
            f"{found.n_false} false, {found.n_missed_bright} bright ones missed",
            "at most 3, none missed",
        )

    @pytest.mark.parametrize("kind", ["masked", "hardly overlapping"])
    def test_hopeless_pair_is_rejected(self, kind: str) -> None:
        """Not an exception of another kind, nor an empty difference; the reason has the number."""
        simulated = pairs.pair_under("aligned")
        pair = pairs.masked_pair(simulated) if kind == "masked" else pairs.hardly_overlapping_pair(simulated)
        self.require_clear(self.rejection_of(pair), f"a {kind} pair")

    def test_unknown_psfs_are_found_or_rejected(self) -> None:
        """`AlignedPair.psfs` rejects the pair for algorithms that need them."""
        pair = replace(self.ordinary_input(), new_psf=None, ref_psf=None)
        try:
            made = self.make().subtract(pair)
        except Rejected:
            return
        self.require(made.psf is not None, "there is no PSF", made.psf, "a measured one")

    def test_metrics_can_be_stored(self) -> None:
        """JSON values."""
        self.require_json(dict(self.difference("aligned").metrics), "metrics")


def _score(difference: Difference) -> Pixels:
    assert difference.score is not None
    return difference.score


def _n_peaks(score: Any, simulated: SimulatedPair) -> int:
    """Return the number of detections where nothing changed."""
    from seechange_core.steps.detection import DetectionParams, detect

    difference = Difference(
        simulated.new.data, simulated.new.variance, simulated.new.mask, simulated.pair.psfs()[0], score=score
    )
    return detect(difference, DetectionParams(threshold=5.0)).n_rows
