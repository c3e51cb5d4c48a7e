"""Where the files of products are: folders that people can read, names that end in the product id."""

from __future__ import annotations

import re
from datetime import date, timedelta

from seechange_core.store.record import ProductRecord

_MJD_ZERO = date(1858, 11, 17)
_UNFIT = re.compile(r"[^A-Za-z0-9.+-]+")


def path_stem(record: ProductRecord, role: str) -> str:
    """Return ``instrument/YYYYMMDD/process/section_role_productid``; for coadds ``instrument/coadds/cell/process/...``.

    The date is that of mid-exposure (UTC): nothing in a path depends on when it was made.
    """
    seen = record.observation
    when = f"coadds/{_fit(seen.sky_cell)}" if seen.sky_cell else mjd_date(seen.mjd)
    what = _fit(seen.section or seen.filter)
    return f"{_fit(seen.instrument)}/{when}/{record.process}/{what}_{role}_{record.product_id}"


def mjd_date(mjd: float | None) -> str:
    """Return the date (UTC) of a time as YYYYMMDD; ``undated`` for none."""
    if mjd is None:
        return "undated"
    return (_MJD_ZERO + timedelta(days=int(mjd // 1))).strftime("%Y%m%d")


def _fit(text: str) -> str:
    return _UNFIT.sub("-", text)
