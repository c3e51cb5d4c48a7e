"""Surveys with magnitudes in several filters, as VizieR lists them, and the query that gets their stars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.table import Table
from astroquery.vizier import VizierClass

from seechange_core.api import CatalogRegion
from seechange_core.builtin.star_columns import star_table
from seechange_core.errors import InputError
from seechange_core.frames import StarTable

_MAS_PER_ARCSEC = 1000.0
_MJD_2000 = 51544.5
_DAYS_PER_YEAR = 365.25


@dataclass(frozen=True)
class Survey:
    """One survey at VizieR.

    Parameters
    ----------
    table : str
        VizieR's name of it.
    columns : mapping of str to str
        Standard name to VizieR's.
    epoch_year : float
        Julian year of the positions.
    limiting : str
        VizieR's name of the magnitude that the faint limit is for.
    filters : mapping of str to str
        Conditions on VizieR's columns that keep what is no good star out.
    arcsec : tuple of str
        Standard names of errors that VizieR gives in arcsec.
    """

    table: str
    columns: Mapping[str, str]
    epoch_year: float
    limiting: str
    filters: Mapping[str, str] = field(default_factory=dict)
    arcsec: tuple[str, ...] = ()


def _bands(bands: str, magnitude: str) -> dict[str, str]:
    named = {f"mag_{band}": magnitude.format(band) for band in bands}
    return named | {f"{name}_error": f"e_{own}" for name, own in named.items()}


#: What `photocal.catalog.survey.name` may be.
SURVEYS: dict[str, Survey] = {
    # Chambers et al. (2016), arXiv:1612.05560; mean positions are of about 2012.
    "panstarrs": Survey(
        "II/349/ps1",
        {"id": "objID", "ra": "RAJ2000", "dec": "DEJ2000", "ra_error": "e_RAJ2000", "dec_error": "e_DEJ2000"}
        | _bands("grizy", "{}mag"),
        2012.0,
        "rmag",
        arcsec=("ra_error", "dec_error"),
    ),
    # Onken et al. (2024), PASA 41, e061.
    "skymapper": Survey(
        "II/379/smssdr4",
        {"id": "ObjectId", "ra": "RAICRS", "dec": "DEICRS"} | _bands("uvgriz", "{}PSF"),
        2016.0,
        "rPSF",
        {"flags": "<4"},
    ),
    # Tonry et al. (2018), ApJ 867, 105: griz like Pan-STARRS's over the whole sky, positions of Gaia DR2.
    "refcat2": Survey(
        "J/ApJ/867/105/refcat2",
        {"ra": "RA_ICRS", "dec": "DE_ICRS", "pmra": "pmRA", "pmdec": "pmDE"}
        | {"mag_G": "Gmag", "mag_BP": "BPmag", "mag_RP": "RPmag"}
        | _bands("griz", "{}mag"),
        2015.5,
        "rmag",
    ),
}


def query_survey(name: str, server: str, region: CatalogRegion) -> StarTable:
    """Fetch the stars of a region from VizieR, in the order of their positions."""
    survey = SURVEYS[name]
    service = VizierClass(
        columns=list(survey.columns.values()),
        column_filters={**survey.filters, survey.limiting: f"<{region.magnitude_limit:.4f}"},
        row_limit=-1,
        vizier_server=server,
    )
    centre = SkyCoord(region.ra_deg, region.dec_deg, unit="deg", frame="icrs")
    found = service.query_region(centre, radius=region.radius_deg * units.deg, catalog=survey.table)
    if len(found) == 0:
        raise InputError(
            f"{name} has no stars within {region.radius_deg:g} deg of {region.ra_deg:.4f} {region.dec_deg:+.4f}:"
            " the survey may not reach there; choose another catalogue (photocal.catalog.use)"
        )
    return survey_stars(name, found[0])


def survey_stars(name: str, table: Table) -> StarTable:
    """Convert a table of VizieR's, with errors of position in mas and stars ordered by declination."""
    survey = SURVEYS[name]
    table = table[np.lexsort((table[survey.columns["ra"]], table[survey.columns["dec"]]))]
    table.meta["EPOCH"] = _MJD_2000 + (survey.epoch_year - 2000.0) * _DAYS_PER_YEAR
    stars = star_table(table, survey.columns, name, f"VizieR's {survey.table}", main_band="r")
    if "id" not in survey.columns:
        # A number in the answer would be another one in the answer for another region.
        named = [f"{ra:.7f}{dec:+.7f}" for ra, dec in zip(stars["ra"], stars["dec"], strict=True)]
        stars = stars.with_columns(id=np.array(named, dtype=str))
    return stars.with_columns(**{error: _MAS_PER_ARCSEC * stars[error] for error in survey.arcsec})
