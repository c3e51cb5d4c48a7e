"""Coaddition: calibrated images of one sky area and filter added on a grid of their own."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from seechange_core.api import Params, parameter
from seechange_core.errors import Rejected
from seechange_core.frames import (
    BackgroundModel,
    Frame,
    Mask,
    MaskPlane,
    PhotometricSolution,
    PsfModel,
    SkyMapping,
)
from seechange_core.frames.mask import MASK_DTYPE
from seechange_core.steps.gates import GatedParams
from seechange_core.steps.step import Step, StepContext, StepResult

if TYPE_CHECKING:
    from seechange_core.imaging.alignment.pixel_map import PixelMap
    from seechange_core.imaging.coaddition.coadd import Member
    from seechange_core.imaging.coaddition.half_comparison import HalfComparison

#: What every member has to say for the coadd to say it.
_COMMON = ("filter", "instrument", "telescope")
#: So many contaminated places are listed.
_MOST_PLACES = 100


class CoadditionParams(GatedParams):
    """How images are added."""

    quantities: ClassVar[Mapping[str, str]] = {
        "n_contaminated": "contaminated",
        "covered_fraction": "other",
        "depth_fraction": "other",
    }

    method: Literal["weighted", "mean", "proper"] = parameter(
        "weighted",
        description="How images are added: weighted (mean with the best weights for faint stars), mean (all alike) or"
        " proper (keeps all that images of different seeing tell)",
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
    change_sigma: float = parameter(
        6.0,
        description="Places that differ more between the earlier and the later half of four or more members are marked"
        " as contaminated",
        unit="sigma",
        ge=4,
        le=1000,
    )


class MemberImage(Protocol):
    """What a coadd needs of an image; what is large may be read when it is asked for, and is asked for once."""

    @property
    def image(self) -> Frame:
        """Pixels."""
        ...

    @property
    def background(self) -> BackgroundModel:
        """Their sky."""
        ...

    @property
    def psf(self) -> PsfModel:
        """Their point-spread function."""
        ...

    @property
    def mapping(self) -> SkyMapping:
        """Where they lie."""
        ...

    @property
    def photometry(self) -> PhotometricSolution:
        """Their zero point."""
        ...


class Coaddition(Step):
    """Warp members to a grid of the sky and add them.

    Besides what the plan knows it takes ``members``, a sequence of `MemberImage`, ``grid``, a `SkyGrid`, and may be
    given ``scratch``, the folder of its scratch file.
    """

    process: ClassVar[str] = "coaddition"
    version: ClassVar[str] = "1.3"
    Params: ClassVar[type[Params]] = CoadditionParams
    outputs: ClassVar[tuple[str, ...]] = ("image", "supplied_psf")

    def run(self, inputs: Mapping[str, Any], params: Any, context: StepContext) -> StepResult:
        """Return ``image``: `Frame`, sky subtracted, in electrons at the common zero point, and ``supplied_psf``.

        The PSF follows from the members' as warped; extraction uses it where the profile does not have it measured.

        The common zero point, in ``info["zero_point"]``, is the median of the members'; extraction and calibration of
        the coadd measure their own. So ``info["exposure_s"]``, to which pixels and zero point belong, is the median of
        the members' too; ``total_exposure_s`` is their sum. The header holds the grid's WCS.

        Raises
        ------
        Rejected
            If no member reaches the grid, or if one is neither calibrated nor relative to what all others are.
        """
        from seechange_core.imaging.astrometry.wcs_cards import cards_from_mapping
        from seechange_core.imaging.coaddition.coadd import Clipping, WarpedMembers, coadd
        from seechange_core.imaging.coaddition.half_comparison import compare_halves

        grid, images = inputs["grid"], inputs["members"]
        zero_point = _common_zero_point(images)
        reaching = _reaching(images, grid)
        metrics: dict[str, Any] = {"n_members": len(reaching), "n_outside": len(images) - len(reaching)}
        if not reaching:
            raise Rejected(f"none of {len(images)} members reaches the grid {grid.cell}", metrics)
        infos: list[dict[str, Any]] = []
        pixels = _members(reaching, zero_point, infos)
        with WarpedMembers(pixels, grid.shape, inputs.get("scratch")) as members:
            clipping = Clipping(params.clip_sigma, params.light_fraction)
            made = coadd(members, method=params.method, clipping=clipping)
            comparison = compare_halves(
                members,
                [info["mjd"] for info in infos],
                clipping=clipping,
                limit_sigma=params.change_sigma,
            )
        frame = made.frame.replaced(
            info=_info(infos, grid, zero_point), header=cards_from_mapping(grid.mapping, grid.shape)
        )
        metrics |= {
            "zero_point": zero_point,
            "weights": [round(float(weight), 6) for weight in made.weights],
            "clipped_fraction": made.clipped_fraction,
            "covered_fraction": 1.0 - float(np.mean(frame.variance <= 0)),
            "noise_ratio": frame.noise_ratio,
            "fwhm_pixel": made.psf.fwhm,
            "depth_fraction": made.depth_fraction,
        }
        if comparison is not None:
            frame = frame.replaced(mask=_marked(frame.mask, comparison.changed))
            metrics |= _contamination(comparison, grid.mapping)
        return StepResult({"image": frame, "supplied_psf": made.psf}, metrics)


def _marked(mask: Mask, changed: NDArray[np.bool_]) -> Mask:
    return mask | np.where(changed, MASK_DTYPE(MaskPlane.CONTAMINATED), MASK_DTYPE(0))


def _contamination(comparison: HalfComparison, mapping: SkyMapping) -> dict[str, Any]:
    """Say where the halves differ: positions (deg), significance (sigma), flux in each half (electron)."""
    strongest = comparison.changes[:_MOST_PLACES]
    ra, dec = mapping.pixel_to_sky([each.x for each in strongest], [each.y for each in strongest])
    places = [
        {
            "ra": round(float(ra[number]), 6),
            "dec": round(float(dec[number]), 6),
            "significance": round(each.significance, 2),
            "earlier_electron": round(each.earlier, 1),
            "later_electron": round(each.later, 1),
        }
        for number, each in enumerate(strongest)
    ]
    return {
        "n_contaminated": len(comparison.changes),
        "halves_apart_days": comparison.apart_days,
        "contaminated_places": places,
    }


def _common_zero_point(images: Sequence[MemberImage]) -> float:
    """Return the median zero point of members, all of which must be on one scale."""
    solutions = [image.photometry for image in images]
    n_unknown = sum(solution.flux_unit == "electron" for solution in solutions)
    if n_unknown:
        raise Rejected(f"{n_unknown} of {len(images)} members have no calibrated zero point")
    scales = {solution.relative_to or "a catalogue" for solution in solutions}
    if len(scales) > 1:
        raise Rejected(f"the zero points of the members are relative to {', '.join(sorted(scales))}")
    return float(np.median([solution.zero_point for solution in solutions])) if solutions else math.nan


def _reaching(images: Sequence[MemberImage], grid: Any) -> list[tuple[MemberImage, PixelMap]]:
    """Return the images that lie on the grid at least in part, and how."""
    from seechange_core.imaging.alignment.pixel_map import fit_pixel_map

    found = []
    for image in images:
        try:
            pixel_map = fit_pixel_map(image.mapping, grid.mapping, grid.shape, image.background.shape)
        except ValueError:
            continue
        found.append((image, pixel_map))
    return found


def _members(
    images: Sequence[tuple[MemberImage, PixelMap]], zero_point: float, infos: list[dict[str, Any]]
) -> Iterator[Member]:
    """Read one image after the other, and keep what the coadd says of it, on the common scale."""
    from seechange_core.imaging.background.smooth_background import without_sky
    from seechange_core.imaging.coaddition.coadd import Member
    from seechange_core.imaging.coaddition.flux_scaling import variation_factor

    for image, pixel_map in images:
        frame = image.image
        scale = 10.0 ** (-0.4 * (image.photometry.zero_point - zero_point))
        info = dict(frame.info)
        if info.get("saturation_electron"):
            info["saturation_electron"] = float(info["saturation_electron"]) * scale
        infos.append(info)
        sky_free = without_sky(frame, image.background)
        del frame
        factor = variation_factor(image.photometry, pixel_map)
        yield Member(sky_free, image.psf, pixel_map, scale, factor)


def _info(infos: list[dict[str, Any]], grid: Any, zero_point: float) -> dict[str, Any]:
    """Return the standard names of the sum; what the members disagree about is left out."""
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
        "n_members": len(infos),
        "pixel_scale_arcsec": grid.scale_arcsec,
        "zero_point": zero_point,
    }
    saturation = [each["saturation_electron"] for each in infos if each.get("saturation_electron")]
    if saturation:
        info["saturation_electron"] = min(saturation)
    return info
