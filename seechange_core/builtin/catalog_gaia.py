"""Gaia DR3, through the network."""

from __future__ import annotations

from typing import ClassVar

from seechange_core.api import CatalogRegion, InputError, Params, StarCatalog, parameter
from seechange_core.frames import StarTable


class GaiaParams(Params):
    """Where Gaia is asked for."""

    url: str = parameter(
        "https://gea.esac.esa.int/tap-server/tap",
        description="TAP service that has the table gaiadr3.gaia_source",
        critical=False,
        pattern="^https?://",
    )


class GaiaDr3(StarCatalog):
    """Gaia Collaboration, Vallenari et al. (2023), A&A 674, A1."""

    name: ClassVar[str] = "gaia_dr3"
    version: ClassVar[str] = "1.2"
    Params: ClassVar[type[Params]] = GaiaParams

    def fetch(self, region: CatalogRegion) -> StarTable:
        """Fetch stars by a cone search.

        Raises
        ------
        InputError
            If the service cannot be reached or refuses.
        """
        from seechange_core.builtin.gaia_query import query_gaia

        try:
            return query_gaia(self.params.url, region)
        except InputError:
            raise
        except Exception as error:  # whatever network, service and parser raise
            raise InputError(
                f"Gaia DR3 cannot be had from {self.params.url}: {error}; try again later, or use a local copy"
                " (astrocal.catalog.use: file)"
            ) from error
