"""Catalogues of stars."""

from __future__ import annotations

import abc
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from seechange_core.api.component import Component
from seechange_core.frames import StarTable
from seechange_core.frames.mapping import separation_deg
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

    def covers(self, other: CatalogRegion) -> bool:
        """Tell whether all that is wanted of another region is in this one."""
        distance = separation_deg(
            self.ra_deg, self.dec_deg, np.array([other.ra_deg]), np.array([other.dec_deg])
        )
        reach = float(distance[0]) + other.radius_deg
        return reach <= self.radius_deg and other.magnitude_limit <= self.magnitude_limit

    def stars_of(self, stars: StarTable) -> StarTable:
        """Return those of some stars that are in the cone and not known to be as faint as the limit."""
        distance = separation_deg(self.ra_deg, self.dec_deg, stars["ra"], stars["dec"])
        return stars.rows((distance <= self.radius_deg) & ~(stars.main_magnitudes() >= self.magnitude_limit))


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

        The same stars come in the same order whatever the region, so that a larger excerpt holds the smaller ones.

        Columns ``pmra`` (mas/yr, times cos(dec)) and ``pmdec`` (mas/yr), NaN where unknown, and ``meta["epoch_mjd"]``
        let the core move the stars to the time of an image.

        Raises
        ------
        InputError
            If the catalogue cannot be reached or read; says which and why.
        """
