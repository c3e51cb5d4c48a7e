"""References: registered in named sets, found by the piece of sky they cover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sqlalchemy import func, select, update

from seechange_core.errors import StoreError
from seechange_core.frames import SkyMapping
from seechange_core.frames.mapping import separation_deg
from seechange_core.imaging.alignment.overlap import contains, middle, overlap_fraction
from seechange_core.models import Product, Reference, RefSet, row_id
from seechange_core.models.sky_index import in_cone
from seechange_core.store.loading import StoredImage, read_calibrated
from seechange_core.store.products import ProductRecord, ProductStore
from seechange_core.store.rows.references import ReferencePlacement

#: Roles that a reference consists of.
REFERENCE_ROLES = ("image", "background", "sources", "psf", "mapping", "photometry")
#: What tells the places and fluxes of its sources.
_SOURCE_ROLES = ("sources", "mapping", "photometry")
# What rounding may take off an overlap.
_OVERLAP_ERROR = 1e-6
# Overlaps that are equal when rounded count as equal: of two references of one field the newer one is meant.
_OVERLAP_DIGITS = 2


class References:
    """The references of a survey.

    Parameters
    ----------
    products : ProductStore
        Holds the products that references consist of.
    """

    def __init__(self, products: ProductStore) -> None:
        self._products = products
        self._database = products.database
        self._last: tuple[str, dict[str, Any]] | None = None
        #: Products of references by role, which never change.
        self._inputs: dict[str, Mapping[str, str]] = {}

    def register(
        self,
        record: ProductRecord,
        *,
        reference_set: str,
        mapping: SkyMapping,
        shape: tuple[int, int],
        made_for: str = "",
    ) -> str:
        """Add a reference to a set, and return its identity: the product id.

        Parameters
        ----------
        record : ProductRecord
            Of the process that made it; its inputs name the product of each of `REFERENCE_ROLES`.
        reference_set : str
            Name; the set is made if it is new.
        mapping, shape
            Of its image.
        made_for : str
            What the set is for; replaces what was said before, unless empty.
        """
        self._products.save(record, {"reference": ReferencePlacement(reference_set, mapping, shape)}, {})
        if made_for:
            described = update(RefSet).where(RefSet.name == reference_set).values(description=made_for)
            self._database.transact(lambda session: session.execute(described))
        return record.product_id

    def find(
        self,
        *,
        reference_set: str,
        instrument: str,
        filter: str,
        footprint: tuple[ArrayLike, ArrayLike],
        min_overlap: float,
    ) -> str | None:
        """Return the identity of the reference that covers most of a footprint; None if none covers enough.

        Parameters
        ----------
        instrument, filter : str
            Whose images it is made of, and in which filter: the same name may mean another filter on another camera.
        footprint : tuple of array
            Right ascension and declination (deg) of the corners, counted around.
        min_overlap : float
            Part of the footprint that it must cover (0 to 1).

        Notes
        -----
        Of those that cover the same part, to a hundredth of the footprint, the newest is taken, so the answer is one.
        What is flagged as bad, or made from what is, is not taken.
        """
        ra, dec = (np.asarray(values, np.float64) for values in footprint)
        centre = middle(ra, dec)
        radius_deg = float(np.max(separation_deg(*centre, ra, dec)))
        fits = (
            Reference.refset_id.in_(select(RefSet.id).where(RefSet.name == reference_set)),
            Reference.instrument == instrument,
            Reference.filter == filter,
            Reference.retired.is_(False),
            Reference.id.in_(select(Product.id).where(Product.badness == 0, Product.upstream_badness == 0)),
        )
        with self._database.read() as session:
            largest_deg = session.scalars(select(func.max(Reference.radius_deg)).where(*fits)).one()
            if largest_deg is None:
                return None
            near = in_cone(Reference, *centre, radius_deg + largest_deg)
            columns = select(Reference.identity, Reference.corners, Reference.created_at, Product.inputs)
            columns = columns.join(Product, Product.id == Reference.id)
            rows = session.execute(columns.where(*fits, near)).all()
        ranked = []
        for identity, corners, created_at, inputs in rows:
            other_ra, other_dec = np.transpose(np.array(corners, np.float64))
            overlap = overlap_fraction(ra, dec, other_ra, other_dec)
            if overlap >= min_overlap - _OVERLAP_ERROR:
                ranked.append((round(overlap, _OVERLAP_DIGITS), created_at, identity))
                self._inputs[identity] = inputs
        return max(ranked)[2] if ranked else None

    def load(self, identity: str, *, download: bool = True) -> StoredImage:
        """Return a reference.

        Raises
        ------
        StoreError
            If there is no such reference, or a file of it is missing or damaged.
        """
        loaded = self._load(identity, REFERENCE_ROLES, download)
        self._last = identity, {role: loaded[role] for role in _SOURCE_ROLES}
        return StoredImage(**loaded)

    def load_sources(self, identity: str) -> dict[str, Any]:
        """Return sources, sky mapping and photometric solution of a reference by role; errors as of `load`."""
        # They are asked for soon after the reference was subtracted.
        if self._last is None or self._last[0] != identity:
            self._last = identity, self._load(identity, _SOURCE_ROLES, True)
        return self._last[1]

    def _load(self, identity: str, roles: Sequence[str], download: bool) -> dict[str, Any]:
        if identity not in self._inputs:
            found = self._products.find(identity)
            if found is None:
                raise StoreError(
                    f"there is no reference {identity}: it was deleted; `seechange reference list` shows what is"
                )
            self._inputs[identity] = found.inputs
        product_ids = {role: self._inputs[identity][role] for role in roles}
        with self._database.read() as session:
            return read_calibrated(session, self._products.files, product_ids, download=download)

    def listed(
        self,
        reference_set: str | None = None,
        *,
        retired: bool = False,
        filter: str | None = None,
        position: tuple[float, float] | None = None,
    ) -> list[tuple[str, Reference]]:
        """Return references with the names of their sets, in the order of set, filter and sky cell.

        Parameters
        ----------
        reference_set, filter : str, optional
            Of this set, in this filter only.
        retired : bool
            Those that are no longer chosen as well.
        position : tuple of float, optional
            Right ascension and declination (deg) that they cover.
        """
        wanted = select(RefSet.name, Reference).join(RefSet, RefSet.id == Reference.refset_id)
        wanted = wanted.order_by(RefSet.name, Reference.filter, Reference.sky_cell, Reference.identity)
        if reference_set is not None:
            wanted = wanted.where(RefSet.name == reference_set)
        if filter is not None:
            wanted = wanted.where(Reference.filter == filter)
        if not retired:
            wanted = wanted.where(Reference.retired.is_(False))
        with self._database.read() as session:
            found = [(name, reference) for name, reference in session.execute(wanted)]
        if position is None:
            return found
        return [(name, row) for name, row in found if contains(row.corners or [], *position)]

    def check(self, identity: str) -> None:
        """Raise StoreError if there is no such reference."""
        with self._database.read() as session:
            if session.get(Reference, row_id(identity)) is None:
                raise no_reference(identity)

    def retire(self, identity: str, *, replaced_by: str = "") -> None:
        """Choose this reference no more; what was made with it stays.

        Parameters
        ----------
        replaced_by : str
            Identity of the reference that takes its place; empty for none.

        Raises
        ------
        StoreError
            If there is no such reference.
        """
        changed = update(Reference).where(Reference.id == row_id(identity)).values(retired=True)
        if replaced_by:
            changed = changed.values(replaced_by=replaced_by)
        found = self._database.transact(
            lambda session: session.scalars(changed.returning(Reference.id)).first()
        )
        if found is None:
            raise no_reference(identity)


def no_reference(identity: str) -> StoreError:
    """Return the error that there is no such reference."""
    return StoreError(f"there is no reference {identity}; `seechange reference list` shows what is")
