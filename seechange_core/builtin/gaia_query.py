"""The query that gets stars from Gaia's archive."""

from __future__ import annotations

from astroquery.utils.tap.core import TapPlus

from seechange_core.api import CatalogRegion
from seechange_core.builtin.star_columns import star_table
from seechange_core.frames import StarTable

_COLUMNS = (
    "source_id",
    "ra",
    "dec",
    "ra_error",
    "dec_error",
    "pmra",
    "pmdec",
    "pmra_error",
    "pmdec_error",
    "parallax",
    "parallax_error",
    "ref_epoch",
    "phot_g_mean_mag",
    "phot_bp_mean_mag",
    "phot_rp_mean_mag",
    "phot_g_mean_flux_over_error",
    "phot_bp_mean_flux_over_error",
    "phot_rp_mean_flux_over_error",
    "phot_variable_flag",
)


def adql(region: CatalogRegion) -> str:
    """Return the query for the stars of a region, in a fixed order."""
    circle = f"CIRCLE('ICRS', {region.ra_deg:.8f}, {region.dec_deg:.8f}, {region.radius_deg:.8f})"
    return (
        f"SELECT {', '.join(_COLUMNS)} FROM gaiadr3.gaia_source "
        f"WHERE 1 = CONTAINS(POINT('ICRS', ra, dec), {circle}) "
        f"AND phot_g_mean_mag < {region.magnitude_limit:.4f} ORDER BY source_id"
    )


def query_gaia(url: str, region: CatalogRegion) -> StarTable:
    """Fetch the stars of a region from a TAP service."""
    job = TapPlus(url=url).launch_job_async(adql(region))
    return star_table(job.get_results(), {}, "gaia_dr3", url)
