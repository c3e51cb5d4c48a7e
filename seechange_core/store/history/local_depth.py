"""What a difference image shows at a position."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from seechange_core.errors import StoreError
from seechange_core.frames import Box, Floats, MaskPlane, PhotometricSolution
from seechange_core.frames.photometry import NJY_ZERO_POINT
from seechange_core.imaging.candidates.local_noise import local_noise
from seechange_core.imaging.masked_pixels import planes_within
from seechange_core.models import PSF, Product
from seechange_core.store.detection_limits import INJECTED, NOISE, UNKNOWN_LIMIT, detection_limits
from seechange_core.store.files import FileStore
from seechange_core.store.formats.difference import FLUX_ERROR, SCORE
from seechange_core.store.formats.frame import MASK
from seechange_core.store.formats.tables import read_table_meta
from seechange_core.store.formats.windows import read_window
from seechange_core.store.history.finding import LocalDepth
from seechange_core.store.loading import read_role, stored_files

#: Where nothing was detected yet.
_USUAL_THRESHOLD = 5.0


@dataclass(frozen=True)
class Place:
    """A position on a section.

    Parameters
    ----------
    x, y : float
        Pixel.
    radius_pixel : float
        How far around it something may be.
    shape : tuple of int
        Rows and columns of the section.
    """

    x: float
    y: float
    radius_pixel: float
    shape: tuple[int, int]

    def around(self, reach: float) -> Box:
        """Return the pixels within a square around the position, as far as there are any."""
        ny, nx = self.shape
        half = math.ceil(reach) + 1
        x, y = self._nearest()
        return Box(max(y - half, 0), min(y + half + 1, ny), max(x - half, 0), min(x + half + 1, nx))

    def block(self, side: int) -> Box:
        """Return which of the blocks that divide the section holds the position."""
        ny, nx = self.shape
        x, y = (pixel // side * side for pixel in self._nearest())
        return Box(y, min(y + side, ny), x, min(x + side, nx))

    def _nearest(self) -> tuple[int, int]:
        ny, nx = self.shape
        return min(max(round(self.x), 0), nx - 1), min(max(round(self.y), 0), ny - 1)


def local_depth(
    session: Session, files: FileStore, subtraction: Product, detection: Product | None, place: Place
) -> LocalDepth:
    """Read score, flux and mask of a difference image around a position.

    Parameters
    ----------
    subtraction, detection : Product
        The difference, and what was detected on it, if that was done.
    place : Place
        Where.

    Raises
    ------
    StoreError
        If a file is missing or damaged.
    """
    fwhm = session.scalars(select(PSF.fwhm_pixel).where(PSF.id == subtraction.id)).one()
    photometry: PhotometricSolution = read_role(
        session, files, subtraction.inputs["photometry"], "photometry"
    )
    core = max(fwhm / 2, 0.5)
    box = place.around(max(place.radius_pixel, core))
    read = _Reader(session, files, subtraction)
    planes = read.difference((SCORE, FLUX_ERROR, MASK), box)
    x, y = place.x - box.x0, place.y - box.y0
    hidden, unusable_fraction = planes_within(planes[MASK], np.array([x]), np.array([y]), core)
    own = planes_within(read.new_mask(box), np.array([x]), np.array([y]), core)[0] if hidden[0] else hidden
    how = {} if detection is None else read.detected(detection)
    noise = _noise(read, how, place)
    factor = float(photometry.flux_per_electron_at(place.x, place.y)[0])
    score, flux_error = _at(planes[SCORE], x, y, 1.0), _at(planes.get(FLUX_ERROR), x, y, factor)
    flux = None if score is None or flux_error is None else score * flux_error
    threshold = how.get("threshold", _USUAL_THRESHOLD)
    limiting_flux = None if flux_error is None else threshold * flux_error * noise
    near = _within(planes[SCORE].shape, x, y, place.radius_pixel)
    limiting_magnitude, limit_kind = None, NOISE
    if limiting_flux and photometry.flux_unit == "nJy":
        limiting_magnitude = NJY_ZERO_POINT - 2.5 * math.log10(limiting_flux)
        limit = detection_limits(session, [subtraction.id]).get(subtraction.id, UNKNOWN_LIMIT)
        if limit.kind == INJECTED:
            five_sigma = limiting_magnitude + 2.5 * math.log10(threshold / 5)
            limiting_magnitude, limit_kind = limit.at(five_sigma), INJECTED
            limiting_flux = 10 ** (0.4 * (NJY_ZERO_POINT - limiting_magnitude))
    return LocalDepth(
        threshold=how.get("threshold"),
        noise=noise,
        score=_at(planes[SCORE], x, y, 1.0 / noise),
        extreme_score=_extreme(planes[SCORE][near], 1.0 / noise),
        flux=flux,
        flux_error=flux_error,
        limiting_flux=limiting_flux,
        limiting_magnitude=limiting_magnitude,
        limit_kind=limit_kind,
        flux_unit=photometry.flux_unit,
        unusable_fraction=float(unusable_fraction[0]),
        planes={
            str(plane.name): "new image" if own[0] & plane else "reference"
            for plane in MaskPlane
            if hidden[0] & plane
        },
    )


@dataclass(frozen=True)
class _Reader:
    """Reads the files of one difference and of its new image."""

    session: Session
    files: FileStore
    subtraction: Product

    def difference(self, names: tuple[str, ...], box: Box) -> dict[str, NDArray[Any]]:
        return read_window(self._path(self.subtraction.identity, "difference"), names, box)

    def new_mask(self, box: Box) -> NDArray[Any]:
        return read_window(self._path(self.subtraction.inputs["image"], "image"), (MASK,), box)[MASK]

    def detected(self, detection: Product) -> dict[str, Any]:
        """Return the parameters of a detection."""
        return read_table_meta(self._path(detection.identity, "detections"))

    def _path(self, identity: str, role: str) -> Any:
        stored = stored_files(self.session, identity, role)
        if not stored:
            raise StoreError(f"product {identity} has no {role}: it was deleted; process again")
        return self.files.local_path(stored[0])


def _noise(read: _Reader, how: Mapping[str, Any], place: Place) -> float:
    """Return what scores around the position were divided by."""
    if "noise_block" not in how:
        return 1.0
    side = how["noise_block"]
    block = read.difference((SCORE,), place.block(side))[SCORE]
    return float(local_noise(block, side, how["noise_tolerance"]).values[0, 0])


def _within(shape: tuple[int, ...], x: float, y: float, radius: float) -> NDArray[np.bool_]:
    row, column = np.indices(shape)
    inside: NDArray[np.bool_] = np.hypot(column - x, row - y) <= max(radius, 0.75)
    return inside


def _at(plane: NDArray[Any] | None, x: float, y: float, factor: float) -> float | None:
    """Return the value of the pixel at a position times a factor; None if there is none."""
    if plane is None:
        return None
    row, column = math.floor(y + 0.5), math.floor(x + 0.5)
    if not (0 <= row < plane.shape[0] and 0 <= column < plane.shape[1]):
        return None
    value = float(plane[row, column]) * factor
    return value if math.isfinite(value) else None


def _extreme(scores: Floats, factor: float) -> float | None:
    finite = scores[np.isfinite(scores)]
    return float(finite[np.argmax(np.abs(finite))]) * factor if finite.size else None
