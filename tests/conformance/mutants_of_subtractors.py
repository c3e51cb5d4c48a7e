"""Wrong versions of the subtractors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from seechange_alardlupton import AlardLupton
from seechange_core.api import Rejected
from seechange_core.frames import AlignedPair, Difference
from seechange_core.testing import SubtractorConformance
from seechange_sfft import Sfft
from seechange_zogy import Zogy
from tests.conformance.mutants import Mutant, after, before


class OfZogy(SubtractorConformance):
    component = Zogy


class OfAlardLupton(SubtractorConformance):
    component = AlardLupton


class OfSfft(SubtractorConformance):
    component = Sfft


def changed(
    original: type[SubtractorConformance], change: Callable[[Difference, AlignedPair], Difference]
) -> dict[str, Any]:
    return {"subtract": after(original.component.subtract, change)}


def given(
    original: type[SubtractorConformance], change: Callable[[AlignedPair], AlignedPair]
) -> dict[str, Any]:
    return {"subtract": before(original.component.subtract, change)}


def scaled_psf(difference: Difference, pair: AlignedPair) -> Difference:
    return replace(difference, psf=replace(difference.psf, coefficients=1.1 * difference.psf.coefficients))


def with_hidden_dice(difference: Difference, pair: AlignedPair, generator: Any) -> Difference:
    return replace(
        difference, data=difference.data + np.float32(1e-3) * generator.standard_normal(difference.data.shape)
    )


def unclear(real: Callable[..., Difference], error: Exception) -> Callable[..., Difference]:
    def subtract(self: Any, pair: AlignedPair) -> Difference:
        try:
            return real(self, pair)
        except Rejected:
            raise error from None

    return subtract


def spoils_its_input(self: Any, pair: AlignedPair) -> Difference:
    pair.new.data[0, 0] += np.float32(0.5)
    return Zogy.subtract(self, pair)


def spread(difference: Difference, pair: AlignedPair) -> Difference:
    holes = np.isnan(difference.score)
    wide = sum(np.roll(holes, step, axis) for axis in (0, 1) for step in (-5, 5)) + holes
    return replace(difference, score=np.where(wide > 0, np.nan, difference.score))


ALIGNED = {"conditions": "aligned"}
HOPELESS = {"kind": "masked"}
MUTANTS = [
    Mutant("the sign is wrong", OfZogy, changed(OfZogy, lambda d, p: replace(d, data=-d.data, score=-d.score)),
           "test_what_brightened_is_positive"),
    Mutant("the PSF is not normalised", OfZogy, changed(OfZogy, scaled_psf), "test_psf_is_normalised"),
    Mutant("the variance is that of the new image", OfAlardLupton,
           changed(OfAlardLupton, lambda d, p: replace(d, variance=p.new.variance)),
           "test_variance_is_that_of_the_pixels"),
    Mutant("the variance is not scaled with the flux", OfSfft,
           changed(OfSfft, lambda d, p: replace(d, data=2 * d.data)), "test_variance_is_that_of_the_pixels"),
    Mutant("the score is too narrow", OfAlardLupton,
           changed(OfAlardLupton, lambda d, p: replace(d, score=0.9 * d.score)),
           "test_score_has_scatter_1_on_empty_sky", ALIGNED),
    Mutant("the y axis is flipped", OfZogy,
           changed(OfZogy, lambda d, p: replace(d, data=d.data[::-1], score=d.score[::-1].copy())),
           "test_transients_are_found", ALIGNED),
    Mutant("global random numbers dither the pixels", OfZogy,
           changed(OfZogy, partial(with_hidden_dice, generator=np.random.mtrand._rand)),
           "test_global_random_state_is_left_alone"),
    Mutant("a generator without a seed dithers the pixels", OfZogy,
           changed(OfZogy, partial(with_hidden_dice, generator=np.random.default_rng())),
           "test_same_input_gives_the_same_bits"),
    Mutant("the mask is that of the reference", OfZogy, changed(OfZogy, lambda d, p: replace(d, mask=p.ref.mask)),
           "test_mask_hides_what_both_inputs_hide"),
    Mutant("masked and usable are swapped", OfSfft, changed(OfSfft, lambda d, p: replace(d, mask=~d.mask)),
           "test_mask_hides_little_else"),
    Mutant("unusable pixels score 0", OfAlardLupton,
           changed(OfAlardLupton, lambda d, p: replace(d, score=np.nan_to_num(d.score))),
           "test_unusable_pixels_have_no_score"),
    Mutant("misregistration is ignored", OfZogy,
           {"subtract": lambda self, pair: Zogy(Zogy.Params(min_registration_error=0)).subtract(
               replace(pair, registration_error=(0.0, 0.0)))},
           "test_misregistration_gives_no_detections"),
    Mutant("the flux ratio is ignored", OfZogy, given(OfZogy, lambda p: replace(p, flux_ratio=1.0)),
           "test_empty_sky_gives_no_detections", {"conditions": "empty"}),
    Mutant("the flux is that of the reference's zero point", OfZogy,
           changed(OfZogy, lambda d, p: replace(d, flux_error=d.flux_error * p.flux_ratio)),
           "test_flux_image_is_unbiased"),
    Mutant("pixels are in electrons of the reference", OfAlardLupton,
           changed(OfAlardLupton, lambda d, p: replace(d, data=d.data * p.flux_ratio)), "test_fluxes_are_unbiased"),
    Mutant("bright pixels are clipped", OfZogy, changed(OfZogy, lambda d, p: replace(d, data=np.minimum(d.data, 500))),
           "test_flux_is_linear"),
    Mutant("the input is changed", OfZogy, {"subtract": spoils_its_input}, "test_input_is_not_changed"),
    Mutant("a hopeless pair is a ValueError", OfZogy, {"subtract": unclear(Zogy.subtract, ValueError("empty"))},
           "test_hopeless_pair_is_rejected", HOPELESS),
    Mutant("a rejection gives no number", OfZogy, {"subtract": unclear(Zogy.subtract, Rejected("the pair is bad"))},
           "test_hopeless_pair_is_rejected", HOPELESS),
    Mutant("a thousandth of the image is left", OfZogy,
           changed(OfZogy, lambda d, p: replace(d, data=d.data + np.float32(1e-3) * np.nan_to_num(p.new.data))),
           "test_identical_images_leave_nothing"),
    Mutant("the sky stays", OfAlardLupton,
           changed(OfAlardLupton, lambda d, p: replace(d, data=d.data + np.float32(np.nanmedian(p.new.data)))),
           "test_other_sky_level_is_taken_out"),
    Mutant("bad pixels spread", OfZogy, changed(OfZogy, spread), "test_bad_pixels_cost_their_surroundings_only"),
    Mutant("a metric is not a number", OfZogy, changed(OfZogy, lambda d, p: replace(d, metrics={"chi2": float("nan")})),
           "test_metrics_can_be_stored"),
]  # fmt: skip
