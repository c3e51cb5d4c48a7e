"""Writes a star catalogue in the HATS layout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from cdshealpix.nested import lonlat_to_healpix
from numpy.typing import NDArray


def write_hats(folder: Path, columns: Mapping[str, NDArray[Any]], *, with_index: bool = True) -> None:
    """Write partitions of order 2, of which the one with most stars is divided further."""
    longitude, latitude = columns["ra"] * u.deg, columns["dec"] * u.deg
    index = np.asarray(lonlat_to_healpix(longitude, latitude, 29)).astype(np.int64)
    cell = index >> 2 * (29 - 2)
    fullest = np.bincount(cell).argmax()
    order = np.where(cell == fullest, 4, 2)
    pixel = index >> 2 * (29 - order)
    listed = sorted(set(zip(order.tolist(), pixel.tolist(), strict=True)))
    for one_order, one_pixel in listed:
        rows = np.flatnonzero((order == one_order) & (pixel == one_pixel))
        rows = rows[np.argsort(index[rows])]
        table = {name: pa.array(values[rows], from_pandas=True) for name, values in columns.items()}
        if with_index:
            table["_healpix_29"] = pa.array(index[rows])
        path = (
            folder / f"dataset/Norder={one_order}/Dir={one_pixel // 10000 * 10000}/Npix={one_pixel}.parquet"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(table), path, row_group_size=500)
    lines = [f"{one_order},{one_pixel}" for one_order, one_pixel in listed]
    (folder / "partition_info.csv").write_text("\n".join(["Norder,Npix", *lines]) + "\n")
    (folder / "hats.properties").write_text(
        "#HATS catalog\nobs_collection=gaia\nhats_col_ra=ra\nhats_col_dec=dec\nhats_nrows=60000\n"
    )
