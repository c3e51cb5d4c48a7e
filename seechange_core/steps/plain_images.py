"""Two plain images measured as far as a subtraction needs it, from their pixels and from whatever came with them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seechange_core.errors import InputError, Rejected
from seechange_core.frames import (
    BackgroundModel,
    Floats,
    Frame,
    Mask,
    MaskPlane,
    PhotometricSolution,
    Pixels,
    PsfModel,
    SkyMapping,
    SourceTable,
    unusable,
)
from seechange_core.frames.mask import MASK_DTYPE
from seechange_core.steps.step import CalibratedImage, StepResult

#: Measures the sky of a frame.
MeasureBackground = Callable[[Frame], BackgroundModel]
#: Extraction of a frame: with the PSF model that came with it, or None.
Extract = Callable[[Frame, PsfModel | None], StepResult]

#: Where nothing is known of the sky, the reference's pixels are taken for arcseconds around this point.
_NOMINAL_SKY = (180.0, 0.0)
_ARCSEC = 1.0 / 3600.0
#: Largest probability (log10) that stars match by chance.
_CHANCE_LOG10 = -9.0
_MATCH_RADIUS = 3.0
_LEAST_SNR = 20.0
_FEWEST_STARS = 3
_MAG_PER_RELATIVE = 1.0857
_GAIN_SIGNIFICANCE = 5.0
#: A sky that is so many times its own scatter has not been subtracted.
_SKY_SIGMA = 5.0
#: So many pixels within this part of the highest value are at saturation.
_PLATEAU, _PLATEAU_PIXELS = 0.01, 10


@dataclass(frozen=True)
class PlainImage:
    """What a file says of an image; what it does not say is None.

    Parameters
    ----------
    name : str
        For messages.
    data : array of shape (ny, nx), float32
        In units of the file; not a number where there is no value.
    mask : array of shape (ny, nx), uint16
        Bits of `MaskPlane`.
    variance : array of shape (ny, nx), float32, or None
        In squared units of the file.
    gain : float or None
        Electrons per unit of the file.
    gain_from : str
        Where the gain comes from.
    mapping : SkyMapping or None
        WCS.
    psf : PsfModel or None
        PSF model.
    info, header : mapping
        As in `Frame`.
    """

    name: str
    data: Pixels
    mask: Mask
    variance: Pixels | None = None
    gain: float | None = None
    gain_from: str = ""
    mapping: SkyMapping | None = None
    psf: PsfModel | None = None
    info: Mapping[str, Any] = field(default_factory=dict)
    header: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class MeasuredPair:
    """A new image and its reference, ready for the step of subtraction.

    Parameters
    ----------
    new, reference : CalibratedImage
        The photometry is relative: the reference's zero point is 0.
    metrics : dict
        What was measured, and how: ``new`` and ``reference`` hold that of each image.
    """

    new: CalibratedImage
    reference: CalibratedImage
    metrics: dict[str, Any]

    def new_without_sky(self) -> Frame:
        """Return the new image without its sky."""
        from seechange_core.imaging.background.smooth_background import without_sky

        return without_sky(self.new.image, self.new.background)


def measured_pair(
    new: PlainImage, reference: PlainImage, measure_background: MeasureBackground, extract: Extract
) -> MeasuredPair:
    """Measure noise, sky, sources and PSF of two images, and join them by the stars that they share.

    Parameters
    ----------
    new, reference : PlainImage
        As they were read.
    measure_background : callable
        Measures level and noise of a frame's sky, where the noise is not known.
    extract : callable
        Finds sky, sources and PSF of a frame.

    Raises
    ------
    InputError
        If an image has no usable pixels, or the images share no stars.
    Rejected
        If the extraction finds an image to be beyond use.
    """
    (new_frame, new_metrics), (ref_frame, ref_metrics) = (
        frame_with_noise(plain, measure_background) for plain in (new, reference)
    )
    new_found = _extracted(extract, new_frame, new)
    ref_found = _extracted(extract, ref_frame, reference)
    new_sources, ref_sources = new_found.outputs["sources"], ref_found.outputs["sources"]
    new_mapping, ref_mapping, joined = _common_sky(new, reference, new_sources, ref_sources)
    photometry, n_stars = _relative_photometry(new_sources, ref_sources, new_mapping, ref_mapping)
    ref_photometry = PhotometricSolution(0.0, 0.0, 0.0, n_stars, photometry.filter, calibrated=False)
    return MeasuredPair(
        CalibratedImage(new_frame, **new_found.outputs, mapping=new_mapping, photometry=photometry),
        CalibratedImage(ref_frame, **ref_found.outputs, mapping=ref_mapping, photometry=ref_photometry),
        {
            "registration": joined,
            "n_flux_stars": n_stars,
            "flux_ratio_error": photometry.zero_point_error / _MAG_PER_RELATIVE,
            "new": new_metrics | dict(new_found.metrics),
            "reference": ref_metrics | dict(ref_found.metrics),
        },
    )


def _extracted(extract: Extract, frame: Frame, plain: PlainImage) -> StepResult:
    try:
        return extract(frame, plain.psf)
    except Rejected as error:
        raise Rejected(f"{plain.name}: {error.reason}", error.metrics, error.flags) from error


def frame_with_noise(
    plain: PlainImage, measure_background: MeasureBackground
) -> tuple[Frame, dict[str, Any]]:
    """Bring an image to electrons and give it a variance.

    Returns
    -------
    frame : Frame
        Electrons. A variance that came with the image is kept. Otherwise it is the measured scatter of blank sky
        squared plus the photon noise of the sources' smoothed light.
    metrics : dict
        ``gain`` (electron per unit of the image), ``gain_from`` and ``noise_from`` say what was used.

    Raises
    ------
    InputError
        If no pixel is usable.
    """
    finite = np.isfinite(plain.data)
    usable = finite & ~unusable(plain.mask)
    if not usable.any():
        raise InputError(f"{plain.name}: none of its pixels is usable: all are masked or not a number")
    data = np.where(finite, plain.data, np.float32(0))
    mask = plain.mask | np.where(finite, MASK_DTYPE(0), MASK_DTYPE(MaskPlane.NO_DATA))
    if not np.any(mask & MASK_DTYPE(MaskPlane.SATURATED)):
        mask[usable & (data >= _saturation_level(data[usable]))] |= MASK_DTYPE(MaskPlane.SATURATED)
        usable &= ~unusable(mask)
    gain, gain_from = _gain(plain, data, usable)
    scale = np.float32(gain)
    data *= scale
    info = {**plain.info, "gain": gain}
    if plain.variance is not None:
        variance = np.asarray(plain.variance * scale**2, np.float32)
        noise_from = "the variance that came with the image"
    else:
        background = measure_background(Frame(data, np.ones_like(data), mask, info))
        variance = _variance(data, usable, background)
        noise_from = "scatter of blank sky, and the photons of sources"
    frame = Frame(data, variance, mask, info, plain.header)
    return frame, {"gain": gain, "gain_from": gain_from, "noise_from": noise_from}


def _saturation_level(values: Pixels) -> float:
    """Return the level at which the brightest pixels are cut off; infinity if they are not.

    Where light is not cut off hardly any two pixels are as bright as the brightest.
    """
    highest = float(values.max())
    level = highest - _PLATEAU * abs(highest - float(np.median(values)))
    return level if np.count_nonzero(values >= level) >= _PLATEAU_PIXELS else math.inf


def _variance(data: Pixels, usable: NDArray[np.bool_], background: BackgroundModel) -> Pixels:
    from seechange_core.imaging.background.sky_blocks import SkyBlocks
    from seechange_core.imaging.detrending.noise_model import measured_variance

    y_middle, x_middle = (
        np.arange(cells, dtype=np.float32) * np.float32(side) + np.float32((side - 1) / 2)
        for cells, side in zip(background.level.shape, background.box, strict=True)
    )
    sky = SkyBlocks(background.level, background.rms, y_middle, x_middle, background.shape)
    return measured_variance(data, usable, sky)


def _gain(plain: PlainImage, data: Pixels, usable: NDArray[np.bool_]) -> tuple[float, str]:
    """Return the gain and where it comes from: the file, the sky's own photons, those of sources, or nowhere."""
    from seechange_core.imaging.background.sky_blocks import sky_blocks
    from seechange_core.imaging.sources.source_noise import noise_of_sources

    if plain.gain is not None:
        return plain.gain, plain.gain_from
    sky = sky_blocks(data, usable)
    level, scatter = float(np.median(sky.level)), float(np.median(sky.scatter))
    if level > _SKY_SIGMA * scatter > 0:
        return level / scatter**2, "level of the sky over its variance"
    noise = noise_of_sources(data, usable, sky)
    if noise.significance > _GAIN_SIGNIFICANCE:
        return noise.gain, "noise in the light of sources"
    return 1.0, "nothing: neither header nor noise tell it, 1 is assumed"


def _common_sky(
    new: PlainImage, reference: PlainImage, new_sources: SourceTable, ref_sources: SourceTable
) -> tuple[SkyMapping, SkyMapping, str]:
    """Return mappings of both images to one sky, and how they were found."""
    from seechange_core.imaging.astrometry.star_matching import match_stars

    both = new.mapping is not None and reference.mapping is not None
    ref_mapping = reference.mapping if both and reference.mapping else _nominal(reference)
    first = [new.mapping] if both and new.mapping else [_nominal(new, turns) for turns in range(4)]
    stars, catalog = _unspoilt(new_sources), _unspoilt(ref_sources)
    ra, dec = ref_mapping.pixel_to_sky(catalog["x"], catalog["y"])
    for mapping in first:
        match = match_stars(
            stars["x"],
            stars["y"],
            stars["flux"],
            ra,
            dec,
            -2.5 * np.log10(catalog["flux"]),
            mapping,
            new.data.shape,
            max_offset_arcsec=0.5 * max(reference.data.shape) * ref_mapping.pixel_scale_arcsec,
        )
        if match.log10_chance < _CHANCE_LOG10:
            return match.mapping, ref_mapping, "WCS and shared stars" if both else "pattern of shared stars"
    if both:
        return first[0], ref_mapping, "WCS"
    if new.data.shape == reference.data.shape:
        return first[0], ref_mapping, "the same grid is assumed: too few stars show it"
    raise InputError(
        f"{new.name} and {reference.name} have no pattern of stars in common, differ in shape ({new.data.shape} and "
        f"{reference.data.shape}), and do not both have a WCS: they cannot be aligned; do they show the same sky, with "
        "pixels of one size?"
    )


def _nominal(plain: PlainImage, quarter_turns: int = 0) -> SkyMapping:
    """Return a mapping of one arcsecond a pixel about the image's middle, for where only the pixels are known."""
    ny, nx = plain.data.shape
    cosine, sine = ((1, 0), (0, 1), (-1, 0), (0, -1))[quarter_turns]
    turned = np.diag([-_ARCSEC, _ARCSEC]) @ np.array([[cosine, -sine], [sine, cosine]])
    return SkyMapping(_NOMINAL_SKY, ((nx - 1) / 2, (ny - 1) / 2), turned)


def _unspoilt(sources: SourceTable) -> SourceTable:
    return sources.rows(~unusable(sources["mask"]) & (sources["flux"] > 0) & (sources["snr"] > 0))


def _relative_photometry(
    new: SourceTable, reference: SourceTable, new_mapping: SkyMapping, ref_mapping: SkyMapping
) -> tuple[PhotometricSolution, int]:
    """Return the new image's zero point if that of the reference is 0, and how many stars it is from."""
    from seechange_core.imaging.astrometry.pairing import mutual_pairs
    from seechange_core.imaging.photometry.zero_point import fit_zero_point

    stars, catalog = (
        table.rows(table["is_star"] & (table["snr"] > _LEAST_SNR))
        for table in map(_unspoilt, (new, reference))
    )
    x, y = new_mapping.sky_to_pixel(*ref_mapping.pixel_to_sky(catalog["x"], catalog["y"]))
    one, two = mutual_pairs(stars["x"], stars["y"], x, y, _MATCH_RADIUS)
    if len(one) < _FEWEST_STARS:
        raise InputError(
            f"the images share {len(one)} stars of a signal-to-noise ratio above {_LEAST_SNR:g}; at least "
            f"{_FEWEST_STARS} are needed to find how their fluxes compare"
        )
    ratio = catalog["flux"][two] / stars["flux"][one]
    error: Floats = np.hypot(1.0 / stars["snr"][one], 1.0 / catalog["snr"][two])
    fit = fit_zero_point(-2.5 * np.log10(ratio), _MAG_PER_RELATIVE * error, np.zeros(len(one)))
    n_stars = int(fit.kept.sum())
    return PhotometricSolution(fit.zero_point, fit.error, fit.scatter, n_stars, "", calibrated=False), n_stars
