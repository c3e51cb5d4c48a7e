"""The subtraction of an image with injected sources, from that of the image without them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from seechange_core.api import Subtractor
from seechange_core.frames import AlignedPair, Difference, FakeTable, Frame
from seechange_core.imaging.background.smooth_background import without_sky
from seechange_core.steps.step import CalibratedImage


@dataclass(frozen=True)
class SubtractedBefore:
    """What the subtraction of an image is repeated from once sources were injected.

    Parameters
    ----------
    image : Frame
        Before.
    difference : Difference
        Of it.
    aligned_reference : Frame
        In electrons of the image.
    fakes : FakeTable
        What was injected.
    """

    image: Frame
    difference: Difference
    aligned_reference: Frame
    fakes: FakeTable


def repeated(
    subtractor: Subtractor, injected: CalibratedImage, before: SubtractedBefore, flux_ratio_error: float
) -> Difference:
    """Subtract the same reference, as it was aligned before, from an image with injected sources.

    Where the algorithm can, only the light of the sources is filtered and added.

    Parameters
    ----------
    injected : CalibratedImage
        With all that was measured on the image before.
    flux_ratio_error : float
        As in `AlignedPair`.
    """
    metrics = before.difference.metrics
    pair = AlignedPair(
        new=before.image,
        ref=before.aligned_reference,
        new_psf=injected.psf,
        ref_psf=before.difference.ref_psf,
        flux_ratio=1.0,
        registration_error=(metrics["registration_error_x"], metrics["registration_error_y"]),
        info=injected.image.info,
        width_error=metrics["psf_width_error"],
        flux_ratio_error=flux_ratio_error,
    )
    fakes = before.fakes
    quick = subtractor.with_light(before.difference, pair, injected.image, fakes["x"], fakes["y"])
    if quick is not None:
        return quick
    return subtractor.subtract(replace(pair, new=without_sky(injected.image, injected.background)))
