"""From a table as a catalogue delivers it to the columns of a `StarTable`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from astropy.table import Table
from numpy.typing import NDArray

from seechange_core.errors import InputError
from seechange_core.frames import Floats, StarTable

_MJD_J2000 = 51544.5
_DAYS_PER_YEAR = 365.25
_GAIA_BANDS = {"G": "g", "BP": "bp", "RP": "rp"}
#: Standard name to the name that Gaia's archive uses, tried where the standard one is absent.
_GAIA_NAMES = {"id": "source_id", "variable": "phot_variable_flag"} | {
    f"mag_{band}": f"phot_{name}_mean_mag" for band, name in _GAIA_BANDS.items()
}
_GAIA_ONLY = ("ref_epoch", *(f"phot_{name}_mean_flux_over_error" for name in _GAIA_BANDS.values()))
_REQUIRED = ("ra", "dec")
_OPTIONAL = (
    "ra_error",
    "dec_error",
    "pmra",
    "pmdec",
    "pmra_error",
    "pmdec_error",
    "parallax",
    "parallax_error",
)


def own_names(available: Sequence[str], names: Mapping[str, str]) -> dict[str, str]:
    """Return what `star_table` needs of a table: standard name to the table's own, as far as the table has it.

    Parameters
    ----------
    available : sequence of str
        Names of the table's columns.
    names : mapping of str to str
        Standard name to the table's own, where they differ.
    """
    standard = {"id", "variable", *_REQUIRED, *_OPTIONAL, *_GAIA_ONLY}
    found = {name: name for name in available if name in standard or name.startswith("mag_")}
    found |= {name: gaia for name, gaia in _GAIA_NAMES.items() if gaia in available and name not in found}
    return found | {name: own for name, own in names.items() if own in available}


def star_table(
    table: Table, names: Mapping[str, str], catalog: str, where: str, main_band: str = "G"
) -> StarTable:
    """Convert a table of stars.

    Parameters
    ----------
    table : astropy Table
        Understood without further ado: the standard names (``id``, ``ra``, ``dec``, ``ra_error``, ``dec_error``,
        ``pmra``, ``pmdec``, their errors, ``mag_<band>``, ``mag_<band>_error``, ``variable``) and those of Gaia's
        archive.
        The epoch is ``ref_epoch`` (Julian year) or, in the metadata, ``EPOCH`` (MJD).
    names : mapping of str to str
        Standard name to the table's own, where they differ.
    catalog : str
        For ``meta["catalog"]``.
    where : str
        Named in errors.
    main_band : str
        Band that faint limits are for, where the table has it; else it is the first.

    Raises
    ------
    InputError
        If a column is missing, or stars move and the epoch is unknown.
    """
    unknown = [own for own in names.values() if own not in table.colnames]
    if unknown:
        raise InputError(f"{where} has no column {', '.join(unknown)}; it has {', '.join(table.colnames)}")
    present = {name: name for name in table.colnames}
    present |= {name: gaia for name, gaia in _GAIA_NAMES.items() if gaia in present and name not in present}
    present |= dict(names)
    missing = [name for name in _REQUIRED if name not in present]
    if missing:
        raise InputError(f"{where} has no column {', '.join(missing)}; it has {', '.join(table.colnames)}")
    n_rows = len(table)
    columns: dict[str, Any] = {name: _floats(table, present[name]) for name in _REQUIRED}
    columns["id"] = (
        [str(value) for value in table[present["id"]]] if "id" in present else np.arange(n_rows).astype(str)
    )
    for name in _OPTIONAL:
        if name in present:
            columns[name] = _floats(table, present[name])
    if "variable" in present:
        columns["variable"] = _variability(table, present["variable"])
    for name in ("ra_error", "dec_error"):
        columns.setdefault(name, np.zeros(n_rows))
    magnitudes = [name for name in present if name.startswith("mag_")]
    columns |= {name: _floats(table, present[name]) for name in magnitudes}
    for band, gaia in _GAIA_BANDS.items():
        ratio = f"phot_{gaia}_mean_flux_over_error"
        if f"mag_{band}" in columns and f"mag_{band}_error" not in columns and ratio in present:
            with np.errstate(divide="ignore"):
                columns[f"mag_{band}_error"] = 2.5 / np.log(10.0) / _floats(table, ratio)
    bands = [name[4:] for name in magnitudes if not name.endswith("_error")]
    meta = {
        "epoch_mjd": _epoch_mjd(table, present, where),
        "catalog": catalog,
        "system": {band: "vega" if band in _GAIA_BANDS else "ab" for band in bands},
        "main_band": main_band,
    }
    positioned = np.isfinite(columns["ra"]) & np.isfinite(columns["dec"])
    return StarTable(columns, meta).rows(positioned)


def _floats(table: Table, name: str) -> Floats:
    column = table[name]
    values = np.ma.filled(np.ma.asarray(column).astype(np.float64), np.nan)
    return np.asarray(values, np.float64)


def _variability(table: Table, name: str) -> NDArray[np.int16]:
    """Return 1 for variable stars, 0 for constant ones, -1 where nothing is said; from numbers or Gaia's words."""
    column = np.ma.asarray(table[name])
    if column.dtype.kind in "biuf":
        return np.ma.filled(column.astype(np.float64), -1.0).astype(np.int16)
    words = [str(value) for value in np.ma.filled(column.astype(object), "")]
    return np.array([{"VARIABLE": 1, "CONSTANT": 0}.get(word.upper(), -1) for word in words], np.int16)


def _epoch_mjd(table: Table, present: Mapping[str, str], where: str) -> float:
    if "ref_epoch" in present and len(table):
        epochs = _floats(table, present["ref_epoch"])
        if np.ptp(epochs) > 0.01:
            raise InputError(
                f"{where}: ref_epoch runs from {epochs.min()} to {epochs.max()}; one epoch is needed"
            )
        return _MJD_J2000 + (float(epochs[0]) - 2000.0) * _DAYS_PER_YEAR
    if "EPOCH" in table.meta:
        return float(table.meta["EPOCH"])
    if "pmra" in present and len(table):
        raise InputError(
            f"{where}: stars with proper motions need an epoch: a column ref_epoch, or EPOCH (MJD) in the header"
        )
    return _MJD_J2000
