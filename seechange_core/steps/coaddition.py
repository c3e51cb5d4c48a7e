"""Coaddition: calibrated images of one sky area and filter added on a grid of their own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from seechange_core.api import Params, parameter
from seechange_core.errors import Rejected
from seechange_core.frames import Frame
from seechange_core.steps.step import CalibratedImage, Step, StepContext, StepResult

#: What every member has to say for the coadd to say it.
_COMMON = ("filter", "instrument", "telescope")


class CoadditionParams(Params):
    """How images are added."""

    method: Literal["weighted", "mean"] = parameter(
        "weighted", description="Weights of the members: weighted (by signal to noise) or mean (all alike)"
    )
    clip_sigma: float = parameter(
        5.0,
        description="Pixels that deviate more from the other members are left out",
        unit="sigma",
        ge=2,
        le=100,
    )
    light_fraction: float = parameter(
        0.2,
        description="Part of the local light by which a pixel may deviate beyond what noise and seeing explain",
        ge=0,
        le=10,
    )


class Coaddition(Step):
    """Warp members to a grid of the sky and add them.

    Besides what the plan knows it takes ``members``, a tuple of `CalibratedImage`, and ``grid``, a `SkyGrid`.
    """

    process: ClassVar[str] = "coaddition"
    version: ClassVar[str] = "1.1"
    Params: ClassVar[type[Params]] = CoadditionParams
    outputs: ClassVar[tuple[str, ...]] = ("image", "supplied_psf")

    def run(self, inputs: Mapping[str, Any], params: Any, context: StepContext) -> StepResult:
        """Return ``image``: `Frame`, sky subtracted, in electrons at the common zero point, and ``supplied_psf``.

        The PSF is the mean of the members' as warped; extraction uses it where the profile does not have it measured.

        The common zero point, in ``info["zero_point"]``, is the median of the members'; extraction and calibration of
        the coadd measure their own. So ``info["exposure_s"]``, to which pixels and zero point belong, is the median of
        the members' too; ``total_exposure_s`` is their sum. The header holds the grid's WCS.

        Raises
        ------
        Rejected
            If no member reaches the grid, or one is not calibrated.
        """
        from seechange_core.imaging.coaddition import Member, coadd
        from seechange_core.imaging.pixel_map import fit_pixel_map
        from seechange_core.imaging.wcs_cards import cards_from_mapping

        grid, images = inputs["grid"], tuple(inputs["members"])
        n_relative = sum(not image.photometry.calibrated for image in images)
        if n_relative:
            raise Rejected(f"{n_relative} of {len(images)} members have no calibrated zero point")
        zero_point = (
            float(np.median([image.photometry.zero_point for image in images])) if images else math.nan
        )
        members, used = [], []
        for image in images:
            try:
                pixel_map = fit_pixel_map(image.mapping, grid.mapping, grid.shape, image.image.shape)
            except ValueError:
                continue
            scale = 10.0 ** (-0.4 * (image.photometry.zero_point - zero_point))
            members.append(Member(_without_sky(image), image.psf, pixel_map, scale))
            used.append(image)
        metrics: dict[str, Any] = {"n_members": len(members), "n_outside": len(images) - len(members)}
        if not members:
            raise Rejected(f"none of {len(images)} members reaches the grid {grid.cell}", metrics)
        made = coadd(
            members,
            grid.shape,
            method=params.method,
            clip_sigma=params.clip_sigma,
            light_fraction=params.light_fraction,
        )
        info = _info(used, grid, zero_point)
        frame = made.frame.replaced(info=info, header=cards_from_mapping(grid.mapping, grid.shape))
        no_data = float(np.mean(frame.variance <= 0))
        metrics |= {
            "zero_point": zero_point,
            "weights": [round(float(weight), 6) for weight in made.weights],
            "clipped_fraction": made.clipped_fraction,
            "covered_fraction": 1.0 - no_data,
            "noise_ratio": frame.noise_ratio,
            "fwhm_pixel": made.psf.fwhm,
        }
        return StepResult({"image": frame, "supplied_psf": made.psf}, metrics)


def _without_sky(image: CalibratedImage) -> Frame:
    from seechange_core.imaging.background import background_image

    return image.image.replaced(data=image.image.data - background_image(image.background))


def _info(images: list[CalibratedImage], grid: Any, zero_point: float) -> dict[str, Any]:
    """Return the standard names of the sum; what the members disagree about is left out."""
    infos = [image.image.info for image in images]
    info: dict[str, Any] = {}
    for name in _COMMON:
        values = {str(each.get(name, "")) for each in infos}
        if len(values) == 1 and "" not in values:
            info[name] = infos[0][name]
    info |= {
        "coadd": True,
        "section": grid.cell,
        "mjd": float(np.mean([each["mjd"] for each in infos])),
        "exposure_s": float(np.median([each["exposure_s"] for each in infos])),
        "total_exposure_s": float(np.sum([each["exposure_s"] for each in infos])),
        "ra_deg": grid.ra_deg,
        "dec_deg": grid.dec_deg,
        "gain": 1.0,
        "n_members": len(images),
        "pixel_scale_arcsec": grid.scale_arcsec,
        "zero_point": zero_point,
    }
    saturation = [
        float(image.image.info["saturation_electron"])
        * 10.0 ** (-0.4 * (image.photometry.zero_point - zero_point))
        for image in images
        if image.image.info.get("saturation_electron")
    ]
    if saturation:
        info["saturation_electron"] = min(saturation)
    return info
