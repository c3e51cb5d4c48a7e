"""Which sections of which exposures a position falls on, or just misses."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import Select, and_, select
from sqlalchemy.orm import Session, load_only

from seechange_core.api import Instrument
from seechange_core.frames import SkyMapping
from seechange_core.frames.mapping import project
from seechange_core.imaging.alignment.overlap import distance_outside_deg
from seechange_core.models import Exposure, Image, Product, WorldCoordinates
from seechange_core.models.sky_index import in_cone, separation_deg
from seechange_core.store.formats.documents import mapping_from_document
from seechange_core.store.given_keys import given
from seechange_core.store.latest import latest

_ARCSEC_PER_DEG = 3600.0
#: A section or a field whose centre is farther away than this cannot hold a position.
_LARGEST_RADIUS_DEG = 3.0
#: Pointings of headers may be off by this much.
_POINTING_ERROR_DEG = 0.1
#: The WCS of headers as a rule by less than this.
_HEADER_ERROR_DEG = 1.0 / 60.0
#: Of cameras whose geometry is not known.
_UNKNOWN_FIELD_DEG = 0.5


@dataclass(frozen=True)
class Coverage:
    """One section of one exposure near a position.

    Parameters
    ----------
    exposure : Exposure
        Its row.
    section : str
        Of the exposure.
    mapping : SkyMapping or None
        Of the astrometry; None before there is one, and then the footprint is what the header says.
    outside_arcsec : float or None
        Distance from its nearest edge, 0 inside; None where what is known does not decide on it.
    corners : list of [ra, dec] or None
        Of its footprint (deg).
    """

    exposure: Exposure
    section: str
    mapping: SkyMapping | None = None
    outside_arcsec: float | None = None
    corners: list[list[float]] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the section, which its astrometry must be known for."""
        if self.mapping is None or self.corners is None:
            raise ValueError(f"the astrometry of {self.section} is not known")
        x, y = self.mapping.sky_to_pixel(*np.transpose(self.corners))
        return round(float(np.max(y)) + 0.5), round(float(np.max(x)) + 0.5)


def coverages(
    session: Session,
    ra: float,
    dec: float,
    *,
    near_arcsec: float,
    exposure_id: UUID | None,
    tagged: Select[Any],
    instruments: Mapping[str, type[Instrument]],
) -> list[Coverage]:
    """Return for each exposure the section that covers a position, or else the nearest one, in the order of time.

    Parameters
    ----------
    ra, dec : float
        The position (deg, ICRS).
    near_arcsec : float
        Exposures that miss it by more are left out.
    exposure_id : UUID or None
        This exposure only, however far it is.
    tagged : query
        For the ids of the provenances that are meant.
    instruments : mapping
        Cameras by name: they tell where sections lie of which there is no image yet.

    Returns
    -------
    list of Coverage
        More than one of an exposure where sections overlap, or where several may cover it as far as is known.
    """
    imaged = {
        (one.exposure.id, one.section): one
        for one in _imaged(session, ra, dec, near_arcsec, exposure_id, tagged)
    }
    pointed = _without_image(session, list(_pointed(session, ra, dec, exposure_id, instruments)), tagged)
    found = _best([*imaged.values(), *pointed], near_arcsec, everything=exposure_id is not None)
    return sorted(found, key=lambda one: (one.exposure.mjd, str(one.exposure.id), one.section))


def _imaged(
    session: Session,
    ra: float,
    dec: float,
    near_arcsec: float,
    exposure_id: UUID | None,
    tagged: Select[Any],
) -> Iterator[Coverage]:
    solved = select(Product.id).where(Product.provenance_id.in_(tagged), Product.process == "astrocal")
    wanted = (
        select(Image.section, Image.corners, Exposure, WorldCoordinates)
        .join(Product, Product.id == Image.id)
        .join(Exposure, Exposure.id == Image.exposure_id)
        .outerjoin(
            WorldCoordinates,
            and_(WorldCoordinates.image_id == Image.id, WorldCoordinates.id.in_(solved)),
        )
        .where(Image.is_difference.is_(False), latest(tagged))
        .order_by(Product.created_at)
    )
    if exposure_id is not None:
        wanted = wanted.where(Image.exposure_id == exposure_id)
    else:
        margin_deg = near_arcsec / _ARCSEC_PER_DEG + _POINTING_ERROR_DEG
        wanted = wanted.where(
            in_cone(Image, ra, dec, _LARGEST_RADIUS_DEG),
            separation_deg(Image, ra, dec) <= Image.radius_deg + margin_deg,
        )
    # An outer join: a solution may be None.
    rows: Any = session.execute(wanted)
    for section, corners, exposure, solution in rows:
        footprint = corners if solution is None else solution.corners
        outside_deg = distance_outside_deg(footprint, ra, dec) if footprint else None
        if outside_deg and solution is None and outside_deg <= _HEADER_ERROR_DEG:
            outside_deg = None
        yield Coverage(
            exposure,
            section or "",
            None if solution is None else mapping_from_document(solution.mapping),
            None if outside_deg is None else outside_deg * _ARCSEC_PER_DEG,
            footprint,
        )


def _pointed(
    session: Session,
    ra: float,
    dec: float,
    exposure_id: UUID | None,
    instruments: Mapping[str, type[Instrument]],
) -> Iterator[Coverage]:
    """Yield the sections that could hold a position by the pointing of their exposure alone."""
    columns = (
        "id",
        "instrument",
        "kind",
        "mjd",
        "filter",
        "section_filters",
        "sections",
        "ra",
        "dec",
        "components",
    )
    wanted = select(Exposure).options(load_only(*(getattr(Exposure, name) for name in columns)))
    if exposure_id is not None:
        wanted = wanted.where(Exposure.id == exposure_id)
    else:
        wanted = wanted.where(Exposure.kind == "science", in_cone(Exposure, ra, dec, _LARGEST_RADIUS_DEG))
    for exposure in session.scalars(wanted):
        if exposure.ra is None or exposure.dec is None:
            yield from (Coverage(exposure, section) for section in exposure.sections)
            continue
        xi, eta = project(ra, dec, (exposure.ra, exposure.dec))
        camera = instruments.get(exposure.instrument)
        for section in exposure.sections:
            east, north, radius = _circle(camera, section)
            if math.hypot(float(xi) - east, float(eta) - north) <= radius + _POINTING_ERROR_DEG:
                yield Coverage(exposure, section)


def _circle(camera: type[Instrument] | None, section: str) -> tuple[float, float, float]:
    """Return centre (east, north of the boresight) and radius (deg) of a circle around a section."""
    geometry = None if camera is None else camera.sections.get(section)
    if camera is None or geometry is None or not camera.pixel_scale_arcsec:
        return 0.0, 0.0, _UNKNOWN_FIELD_DEG
    radius = math.hypot(*geometry.shape) / 2.0 * camera.pixel_scale_arcsec / _ARCSEC_PER_DEG
    return geometry.east_deg, geometry.north_deg, radius


def _without_image(session: Session, pointed: list[Coverage], tagged: Select[Any]) -> list[Coverage]:
    """Leave out sections of which there is an image, since that says better where they lie."""
    exposures = {one.exposure.id for one in pointed}
    if not exposures:
        return []
    wanted = (
        select(Image.exposure_id, Image.section)
        .join(Product, Product.id == Image.id)
        .where(Image.exposure_id.in_(given(exposures)), Product.provenance_id.in_(tagged))
    )
    there = {tuple(row) for row in session.execute(wanted)}
    return [one for one in pointed if (one.exposure.id, one.section) not in there]


def _best(found: list[Coverage], near_arcsec: float, *, everything: bool) -> Iterator[Coverage]:
    """Yield of each exposure what covers the position, else what may, else the nearest section."""
    by_exposure: dict[UUID, list[Coverage]] = {}
    for one in found:
        by_exposure.setdefault(one.exposure.id, []).append(one)
    for sections in by_exposure.values():
        inside = [one for one in sections if one.outside_arcsec == 0.0]
        unknown = [one for one in sections if one.outside_arcsec is None]
        if inside or unknown:
            yield from inside or unknown
            continue
        nearest = min(sections, key=lambda one: one.outside_arcsec or 0.0)
        if everything or (nearest.outside_arcsec or 0.0) <= near_arcsec:
            yield nearest
