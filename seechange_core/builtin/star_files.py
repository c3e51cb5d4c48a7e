"""Reading stars from local tables."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table
from astropy.utils.exceptions import AstropyWarning

from seechange_core.api import CatalogRegion
from seechange_core.builtin.star_columns import star_table
from seechange_core.errors import InputError
from seechange_core.frames import StarTable

_CATALOG = "file"


def read_stars(files: Sequence[Path], names: Mapping[str, str], region: CatalogRegion) -> StarTable:
    """Return the stars of a region from all files, in the order of the files.

    Raises
    ------
    InputError
        If a file cannot be read, lacks a column, or differs from the others in its columns or its epoch.
    """
    parts = []
    for path in files:
        stars = star_table(_read(path), names, _CATALOG, str(path))
        parts.append((path, region.stars_of(stars)))
    filled = [(path, stars) for path, stars in parts if stars.n_rows] or parts[:1]
    first_path, first = filled[0]
    for path, stars in filled[1:]:
        if set(stars) != set(first) or abs(stars.meta["epoch_mjd"] - first.meta["epoch_mjd"]) > 1.0:
            raise InputError(
                f"star catalogue: {path} and {first_path} differ in their columns or their epoch"
            )
    return StarTable(
        {name: np.concatenate([stars[name] for _, stars in filled]) for name in first}, first.meta
    )


def _read(path: Path) -> Table:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            if ".fit" in path.name.lower():
                return _read_fits(path)
            return Table.read(path)
    except ImportError as error:
        raise InputError(f"star catalogue {path}: a library is missing to read it: {error}") from error
    except InputError:
        raise
    except Exception as error:  # whatever astropy's readers raise on a broken file
        raise InputError(f"star catalogue {path} cannot be read: {error}") from error


def _read_fits(path: Path) -> Table:
    with fits.open(path, memmap=False) as hdus:
        tables = [hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU | fits.TableHDU)]
        if not tables:
            raise InputError(f"star catalogue {path}: the file has no table")
        table = Table.read(tables[0])
        epoch = tables[0].header.get("EPOCH", hdus[0].header.get("EPOCH"))
    if epoch is not None:
        table.meta["EPOCH"] = epoch
    return table
