"""What the store is told of a product besides its pixels, and what it tells of one that is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from seechange_core.frames import SkyMapping
from seechange_core.provenance import Provenance


@dataclass(frozen=True)
class Observation:
    """What rows and file names say of the image that a product belongs to.

    Parameters
    ----------
    instrument, filter : str
        Short names.
    mjd, exposure_s : float
        Mid-exposure (UTC) and exposure time; of a coadd the mean and the median of its members. None and 0 for a
        calibration file that was made elsewhere.
    exposure_id : UUID or None
        Primary key of the exposure; None for a coadd.
    section : str or None
        Of the exposure; None for a coadd.
    sky_cell : str or None
        Of a coadd; None otherwise.
    project, target : str
        As far as known.
    mapping : SkyMapping or None
        The best that is known when an image is saved, for its corners.
    """

    instrument: str
    filter: str
    mjd: float | None
    exposure_s: float
    exposure_id: UUID | None = None
    section: str | None = None
    sky_cell: str | None = None
    project: str = ""
    target: str = ""
    mapping: SkyMapping | None = None


@dataclass(frozen=True)
class ProductRecord:
    """One run of one process on one place.

    Parameters
    ----------
    product_id : str
        See `provenance.product_id`.
    provenance : Provenance
        Of the process.
    place : str
        Section or sky cell.
    anchor : str
        Hash of provenance, place and upstream products.
    inputs : mapping of str to str
        Identities of everything it was made from, by role: ``exposure``, roles of the chain such as ``image``,
        calibration files, an excerpt, ``reference``, and ``member_0_image``, ``member_1_image`` ... of a coadd's
        members in order.
    observation : Observation
        The image that it belongs to.
    branch, metrics
        As the step returned them.
    """

    product_id: str
    provenance: Provenance
    place: str
    anchor: str
    inputs: Mapping[str, str]
    observation: Observation
    branch: str = ""
    metrics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def process(self) -> str:
        """Name of the process."""
        return self.provenance.process

    def finished(self, branch: str, metrics: Mapping[str, Any]) -> ProductRecord:
        """Return the record with what is known once the step has run."""
        return replace(self, branch=branch, metrics=dict(metrics))


@dataclass(frozen=True)
class ProductState:
    """What the database knows of a product.

    Parameters
    ----------
    product_id, process, anchor, branch : str
        As in `ProductRecord`.
    state : {"done", "rejected"}
        How it ended.
    reason : str
        Why it was rejected.
    metrics, inputs : mapping
        As in `ProductRecord`.
    """

    product_id: str
    process: str
    anchor: str
    state: str
    reason: str
    branch: str
    metrics: Mapping[str, Any]
    inputs: Mapping[str, str]
