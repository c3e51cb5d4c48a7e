"""Surveys with magnitudes in griz, through the network."""

from __future__ import annotations

from typing import ClassVar, Literal

from seechange_core.api import CatalogRegion, InputError, Params, StarCatalog, parameter
from seechange_core.frames import StarTable


class SurveyParams(Params):
    """Which survey, and where it is asked for."""

    name: Literal["panstarrs", "skymapper", "refcat2"] = parameter(
        "refcat2", description="Pan-STARRS 1 (DR1), SkyMapper (DR4) or ATLAS Refcat2 (whole sky)"
    )
    server: str = parameter(
        "vizier.cds.unistra.fr", description="VizieR server that has the survey's table", critical=False
    )


class Survey(StarCatalog):
    """Stars of a survey with magnitudes in griz, by VizieR."""

    name: ClassVar[str] = "survey"
    version: ClassVar[str] = "1.1"
    Params: ClassVar[type[Params]] = SurveyParams

    def fetch(self, region: CatalogRegion) -> StarTable:
        """Fetch stars by a cone search; the limit is for r.

        Raises
        ------
        InputError
            If the service cannot be reached or refuses, or has no stars there.
        """
        from seechange_core.builtin.survey_query import query_survey

        try:
            return query_survey(self.params.name, self.params.server, region)
        except InputError:
            raise
        except Exception as error:  # whatever network, service and parser raise
            raise InputError(
                f"{self.params.name} cannot be had from {self.params.server}: {error}; try again later, or use a local"
                " copy (photocal.catalog.use: file or hats)"
            ) from error
