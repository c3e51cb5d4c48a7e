"""Catalogues of stars."""

from __future__ import annotations

import abc
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from seechange_core.api.component import Component
from seechange_core.frames import StarTable
from seechange_core.params import content_id


@dataclass(frozen=True)
class CatalogRegion:
    """What is wanted of a catalogue: stars in a cone.

    Steps round position and radius outwards to a coarse grid, so that neighbouring images share an excerpt.

    Parameters
    ----------
    ra_deg, dec_deg, radius_deg : float
        Cone, ICRS.
    magnitude_limit : float
        Faintest star wanted, in the catalogue's main band.
    """

    ra_deg: float
    dec_deg: float
    radius_deg: float
    magnitude_limit: float


class StarCatalog(Component, abc.ABC):
    """Base class of star catalogues."""

    kind: ClassVar[str] = "catalog"

    def excerpt_id(self, region: CatalogRegion) -> str:
        """Return the identity of an excerpt, without fetching it."""
        parts: dict[str, Any] = {
            "catalog": self.name,
            "version": self.version,
            "parameters": self.params.critical(),
            "fingerprint": self.fingerprint(),
            "region": asdict(region),
        }
        return content_id(parts)

    @abc.abstractmethod
    def fetch(self, region: CatalogRegion) -> StarTable:
        """Fetch the stars of a region at the catalogue's own epoch, with proper motions where it has them.

        Columns ``pmra`` (mas/yr, times cos(dec)) and ``pmdec`` (mas/yr), NaN where unknown, and ``meta["epoch_mjd"]``
        let the core move the stars to the time of an image.

        Raises
        ------
        InputError
            If the catalogue cannot be reached or read; says which and why.
        """
