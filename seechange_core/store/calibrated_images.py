"""Images that went through photometric calibration, as candidates for a reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import aliased

from seechange_core.imaging.alignment.overlap import contains
from seechange_core.models import Image, Product, WorldCoordinates, ZeroPoint
from seechange_core.models.sky_index import in_cone
from seechange_core.store.database import Database
from seechange_core.store.given_keys import given
from seechange_core.store.latest import latest, only


@dataclass(frozen=True)
class CalibratedImageRow:
    """One image with everything that was measured on it.

    Parameters
    ----------
    product_ids : dict of str to str
        By role: ``image``, ``background``, ``sources``, ``psf``, ``mapping``, ``photometry``.
    section : str
        Which CCD.
    metrics : dict
        Those of extraction, astrocal and photocal together.
    corners : list of [ra, dec]
        Of the image (deg).
    mjd, exposure_s : float
        Mid-exposure (UTC); seconds.
    limiting_mag : float or None
        Of stars at 5 sigma; None if unknown.
    """

    product_ids: dict[str, str]
    section: str
    metrics: dict[str, Any]
    corners: list[list[float]]
    mjd: float
    exposure_s: float
    limiting_mag: float | None = None


class CalibratedImages:
    """Finds images by processing, filter and place on the sky.

    Parameters
    ----------
    database : Database
        Where the rows are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(
        self,
        *,
        photocal_provenance: str,
        filter: str,
        position: tuple[float, float] | None = None,
        after_mjd: float | None = None,
        before_mjd: float | None = None,
        images: Sequence[UUID] = (),
    ) -> list[CalibratedImageRow]:
        """Return images of one processing and filter that are not flagged as bad, in the order of time.

        Parameters
        ----------
        photocal_provenance : str
            Provenance id of their photometric calibration.
        filter : str
            Short name.
        position : tuple of float, optional
            Right ascension and declination (deg) that they have to cover.
        after_mjd, before_mjd : float, optional
            Only images taken after, and before, these times.
        images : sequence of UUID, optional
            Only these: primary keys of images. By default of each exposure and section the image that was processed
            last.
        """
        photocal, extraction, astrocal = aliased(Product), aliased(Product), aliased(Product)
        wanted = (
            select(photocal, extraction, astrocal, Image, ZeroPoint.limiting_magnitude)
            .join(ZeroPoint, ZeroPoint.id == photocal.id)
            .join(Image, Image.id == ZeroPoint.image_id)
            .join(extraction, extraction.id == ZeroPoint.source_list_id)
            .join(WorldCoordinates, WorldCoordinates.source_list_id == extraction.id)
            .join(astrocal, astrocal.id == WorldCoordinates.id)
            .where(
                photocal.provenance_id == photocal_provenance,
                Image.filter == filter,
                Image.is_coadd.is_(False),
                photocal.badness == 0,
                photocal.upstream_badness == 0,
            )
            .order_by(Image.mjd, Image.id)
        )
        if images:
            wanted = wanted.where(Image.id.in_(given(images)))
        else:
            wanted = wanted.where(latest(only(photocal_provenance), photocal))
        if position is not None:
            wanted = wanted.where(in_cone(Image, *position, _LARGEST_RADIUS_DEG))
        if after_mjd is not None:
            wanted = wanted.where(Image.mjd > after_mjd)
        if before_mjd is not None:
            wanted = wanted.where(Image.mjd < before_mjd)
        with self._database.read() as session:
            rows = session.execute(wanted).all()
        return [
            _row(photocal, extraction, astrocal, image, limiting_mag)
            for photocal, extraction, astrocal, image, limiting_mag in rows
            if photocal.inputs["mapping"] == astrocal.identity
            and (position is None or contains(image.corners or [], *position))
        ]


#: An image whose centre is farther away than this cannot hold a position: no camera's CCD is that large.
_LARGEST_RADIUS_DEG = 3.0


def _row(
    photocal: Product, extraction: Product, astrocal: Product, image: Image, limiting_mag: float | None
) -> CalibratedImageRow:
    inputs = photocal.inputs
    return CalibratedImageRow(
        product_ids={
            "image": inputs["image"],
            "background": inputs["sources"],
            "sources": inputs["sources"],
            "psf": inputs["sources"],
            "mapping": inputs["mapping"],
            "photometry": photocal.identity,
        },
        section=image.section or "",
        metrics={**extraction.metrics, **astrocal.metrics, **photocal.metrics},
        corners=image.corners or [],
        mjd=image.mjd,
        exposure_s=image.exposure_s,
        limiting_mag=limiting_mag,
    )
