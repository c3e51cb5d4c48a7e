"""A calibrated image that is read piece by piece, so that many can be members of one coadd."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from seechange_core.frames import BackgroundModel, Frame, PhotometricSolution, PsfModel, SkyMapping
from seechange_core.store.products import ProductStore


@dataclass(frozen=True)
class StoredMember:
    """A calibrated image whose pixels are read when they are asked for, and not kept.

    Parameters
    ----------
    store : ProductStore
        Where it is.
    product_ids : mapping of str to str
        Its products by role.
    """

    store: ProductStore
    product_ids: Mapping[str, str]

    @property
    def image(self) -> Frame:
        """Pixels."""
        frame: Frame = self._load("image")
        return frame

    @cached_property
    def background(self) -> BackgroundModel:
        """Their sky."""
        model: BackgroundModel = self._load("background")
        return model

    @cached_property
    def psf(self) -> PsfModel:
        """Their point-spread function."""
        model: PsfModel = self._load("psf")
        return model

    @cached_property
    def mapping(self) -> SkyMapping:
        """Where they lie."""
        mapping: SkyMapping = self._load("mapping")
        return mapping

    @cached_property
    def photometry(self) -> PhotometricSolution:
        """Their zero point."""
        solution: PhotometricSolution = self._load("photometry")
        return solution

    def _load(self, role: str) -> Any:
        return self.store.load(self.product_ids[role], role)
