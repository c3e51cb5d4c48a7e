"""A sky cell with the images that cover it as a unit of work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatchmethod
from typing import Any

import numpy as np

from seechange_core.imaging.alignment.sky_grid import SkyGrid
from seechange_core.pipeline import PlannedStep
from seechange_core.runner.products import Products
from seechange_core.runner.services import Services
from seechange_core.runner.star_excerpts import bind_stars, fetch_stars
from seechange_core.runner.stored_member import StoredMember
from seechange_core.steps.step import (
    CatalogRequest,
    FrameRequest,
    Request,
    SuppliedPsfRequest,
)
from seechange_core.store.calibrated_images import CalibratedImageRow
from seechange_core.store.record import Observation


@dataclass(frozen=True)
class CoaddCell:
    """Images of one filter that become one.

    Parameters
    ----------
    services : Services
        Of this process.
    grid : SkyGrid
        Where the coadd lies.
    members : sequence of CalibratedImageRow
        In the order in which they enter.
    filter : str
        Theirs.
    """

    services: Services
    grid: SkyGrid
    members: Sequence[CalibratedImageRow]
    filter: str

    @property
    def place(self) -> str:
        """The sky cell."""
        return self.grid.cell

    @property
    def origin(self) -> Mapping[str, str]:
        """Every product of every member, numbered."""
        return {
            f"member_{number}_{role}": identity
            for number, member in enumerate(self.members)
            for role, identity in member.product_ids.items()
        }

    def origin_inputs(self) -> Mapping[str, Any]:
        """Hand over the members, unread, and the folder of the scratch file: the data folder has the room."""
        store = self.services.store
        members = tuple(StoredMember(store.products, member.product_ids) for member in self.members)
        return {"members": members, "grid": self.grid, "scratch": store.files.root}

    def observation(self, products: Products) -> Observation:
        """Describe the coadd: mean time, and the exposure time that its pixels stand for."""
        return Observation(
            instrument=self.services.instrument.name,
            filter=self.filter,
            mjd=float(np.mean([member.mjd for member in self.members])),
            exposure_s=float(np.median([member.exposure_s for member in self.members])),
            sky_cell=self.place,
            mapping=products.get("mapping", self.grid.mapping),
        )

    @singledispatchmethod
    def bind(self, request: Request, planned: PlannedStep, products: Products) -> Mapping[str, str]:
        """Choose what fills a request; see `Unit`."""
        raise TypeError(f"{type(request).__name__} cannot be filled for a coadd")

    @bind.register
    def _(
        self, request: CatalogRequest | FrameRequest, planned: PlannedStep, products: Products
    ) -> Mapping[str, str]:
        return bind_stars(request, planned, self.services)

    @bind.register
    def _(self, request: SuppliedPsfRequest, planned: PlannedStep, products: Products) -> Mapping[str, str]:
        return {}

    @singledispatchmethod
    def fetch(
        self, request: Request, bound: Mapping[str, str], planned: PlannedStep, products: Products
    ) -> Any:
        """Load what was chosen; see `Unit`."""
        raise TypeError(f"{type(request).__name__} cannot be filled for a coadd")

    @fetch.register
    def _(
        self,
        request: CatalogRequest | FrameRequest,
        bound: Mapping[str, str],
        planned: PlannedStep,
        products: Products,
    ) -> Any:
        return fetch_stars(request, bound, planned, self.services)

    @fetch.register
    def _(
        self, request: SuppliedPsfRequest, bound: Mapping[str, str], planned: PlannedStep, products: Products
    ) -> Any:
        # Coaddition combines the members' PSF models.
        return products["supplied_psf"]
