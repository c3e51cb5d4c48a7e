"""Reading a region of the sky from Parquet files in the HATS layout."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import cdshealpix.nested
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from astropy import units
from astropy.coordinates import Latitude, Longitude
from astropy.table import Table
from numpy.typing import NDArray

from seechange_core.api import CatalogRegion
from seechange_core.builtin.catalog_hats import PARTITIONS
from seechange_core.builtin.star_columns import own_names, star_table
from seechange_core.errors import InputError
from seechange_core.frames import StarTable

_DEEPEST = 29
_INDEX = "_healpix_29"
#: A cone is covered by cells of about a tenth of its radius.
_CELLS_ACROSS = 10.0
_CELL_DEG_AT_ORDER_0 = 58.6
_MJD_2000, _DAYS_PER_YEAR = 51544.5, 365.25

Partition = tuple[int, int]


def read_region(
    folder: Path,
    properties: Path,
    region: CatalogRegion,
    *,
    names: Mapping[str, str],
    main_band: str,
    epoch_year: float | None,
) -> StarTable:
    """Return the stars of a region, in the order of the partitions along the nested index.

    Of the partitions that the cone touches only the columns that a `StarTable` knows are read, and only row groups
    whose statistics allow for stars within the cone and the limit.

    Raises
    ------
    InputError
        If a partition cannot be read, or a column is missing.
    """
    known = _described(properties)
    ranges = cone_ranges(region)
    first = folder / "dataset" if (folder / "dataset").is_dir() else folder
    names = {"ra": known.get("hats_col_ra", "ra"), "dec": known.get("hats_col_dec", "dec"), **names}
    parts = []
    for order, pixel in touched(partitions(folder), ranges):
        path = _partition_path(first, order, pixel, known.get("hats_npix_suffix", ".parquet"))
        parts.append(_read(path, names, main_band, region, known.get("hats_col_healpix", _INDEX), ranges))
    if not parts:
        raise InputError(
            f"star catalogue {folder}: it has no partition within {region.radius_deg:g} deg of"
            f" {region.ra_deg:.4f} {region.dec_deg:+.4f}; it does not reach there"
        )
    table = pa.concat_tables(parts, promote_options="default")
    columns = Table({name: table[name].to_numpy() for name in table.column_names})
    if epoch_year is not None:
        columns.meta["EPOCH"] = _MJD_2000 + (epoch_year - 2000.0) * _DAYS_PER_YEAR
    catalog = known.get("obs_collection", "hats")
    return region.stars_of(star_table(columns, names, catalog, str(folder), main_band))


def cone_ranges(region: CatalogRegion) -> NDArray[np.int64]:
    """Return the ranges of the nested index of order 29 that hold a cone, shape (n, 2), ascending, ends excluded."""
    order = int(np.clip(np.log2(_CELL_DEG_AT_ORDER_0 * _CELLS_ACROSS / region.radius_deg), 0, _DEEPEST))
    cells, orders, _ = cdshealpix.nested.cone_search(
        Longitude(region.ra_deg, units.deg),
        Latitude(region.dec_deg, units.deg),
        region.radius_deg * units.deg,
        order,
    )
    shift = 2 * (_DEEPEST - orders.astype(np.int64))
    start = cells.astype(np.int64) << shift
    found = np.stack([start, start + (np.int64(1) << shift)], axis=1)
    found = found[np.argsort(found[:, 0])]
    new = np.append(True, found[1:, 0] > found[:-1, 1])
    last = np.append(np.flatnonzero(new)[1:] - 1, len(found) - 1)
    return np.stack([found[new, 0], found[last, 1]], axis=1)


def touched(known: tuple[Partition, ...], ranges: NDArray[np.int64]) -> list[Partition]:
    """Return the partitions that overlap some ranges, in the order of the nested index."""
    found = []
    for order, pixel in known:
        shift = 2 * (_DEEPEST - order)
        start, end = pixel << shift, (pixel + 1) << shift
        following = int(np.searchsorted(ranges[:, 1], start, side="right"))
        if following < len(ranges) and ranges[following, 0] < end:
            found.append((start, (order, pixel)))
    return [partition for _, partition in sorted(found)]


def partitions(folder: Path) -> tuple[Partition, ...]:
    """Return order and pixel of every partition: from the list that comes with the catalogue, else from its folders."""
    listed = folder / PARTITIONS
    if listed.is_file():
        return _listed(listed, listed.stat().st_mtime_ns)
    found = [
        (int(match[1]), int(match[2]))
        for path in folder.glob("**/Norder=*/Dir=*/Npix=*")
        if (match := re.search(r"Norder=(\d+)/Dir=\d+/Npix=(\d+)[^/]*$", path.as_posix()))
    ]
    return tuple(sorted(found))


@lru_cache(maxsize=8)
def _listed(path: Path, mtime_ns: int) -> tuple[Partition, ...]:
    """Read the list of partitions; the time is there to notice that it changed."""
    header, *rows = path.read_text("utf-8").splitlines()
    names = [name.strip() for name in header.split(",")]
    try:
        order, pixel = names.index("Norder"), names.index("Npix")
        cells = [row.split(",") for row in rows if row.strip()]
        return tuple((int(row[order]), int(row[pixel])) for row in cells)
    except (ValueError, IndexError) as error:
        raise InputError(f"star catalogue: {path} is no list of partitions: {error}") from error


def _described(properties: Path) -> dict[str, str]:
    lines = properties.read_text("utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {key.strip(): value.strip() for key, _, value in pairs}


def _partition_path(dataset: Path, order: int, pixel: int, suffix: str) -> Path:
    # A partition may be a folder of files; its suffix is then a slash.
    name = f"Npix={pixel}{suffix.rstrip('/')}"
    return dataset / f"Norder={order}" / f"Dir={pixel // 10000 * 10000}" / name


def _read(
    path: Path,
    names: Mapping[str, str],
    main_band: str,
    region: CatalogRegion,
    index: str,
    ranges: NDArray[np.int64],
) -> pa.Table:
    try:
        dataset = pq.ParquetDataset(path, partitioning=None)
        available = dataset.schema.names
        wanted = own_names(available, names)
        filters = _within(index, ranges) if index in available else _band_of_declination(names["dec"], region)
        magnitude = wanted.get(f"mag_{main_band}")
        if magnitude is not None:
            limit = pc.field(magnitude) < region.magnitude_limit
            filters = filters & (limit | pc.field(magnitude).is_null())
        chosen = list(dict.fromkeys(wanted.values()))
        return pq.read_table(path, columns=chosen, filters=filters, partitioning=None, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"star catalogue: the partition {path} cannot be read: {error}") from error


def _within(index: str, ranges: NDArray[np.int64]) -> pc.Expression:
    """Return what holds for rows whose index lies in the ranges; many ranges become one, which is cut out later."""
    field = pc.field(index)
    return (
        (field >= int(ranges[0, 0])) & (field < int(ranges[-1, 1]))
        if len(ranges) > 64
        else _any(field, ranges)
    )


def _any(field: pc.Expression, ranges: NDArray[np.int64]) -> pc.Expression:
    first, *others = ((field >= int(start)) & (field < int(end)) for start, end in ranges)
    for other in others:
        first = first | other
    return first


def _band_of_declination(dec: str, region: CatalogRegion) -> pc.Expression:
    field = pc.field(dec)
    return (field >= region.dec_deg - region.radius_deg) & (field <= region.dec_deg + region.radius_deg)
