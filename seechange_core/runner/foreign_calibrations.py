"""Makes calibration files known that were made elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seechange_core.api import Instrument
from seechange_core.api.fits_files import open_fits
from seechange_core.errors import InputError
from seechange_core.frames import Calibration, CalibrationFrame, CalibrationTable, ColumnTable
from seechange_core.provenance import Provenance, product_id
from seechange_core.runner.calibration_products import BuiltCalibration
from seechange_core.runner.measured_sensor import GAIN
from seechange_core.runner.services import Services
from seechange_core.store.files import file_sha256
from seechange_core.store.formats.calibration import CALIBRATION
from seechange_core.store.record import Observation, ProductRecord
from seechange_core.store.rows.calibrations import Validity

_VERSION = "1.0"
#: Kinds under other names.
ALIASES = {"defects": "badpixels", "skyflat": "flat"}
#: Columns that a table of gains must have.
_GAIN_COLUMNS = ("amplifier", "gain", "read_noise_electron", "saturation_adu")


def use_calibration(
    services: Services,
    kind: str,
    path: Path,
    *,
    sections: Sequence[str] = (),
    filter: str = "",
    validity: Validity | None = None,
    register: bool = True,
) -> list[BuiltCalibration]:
    """Register a calibration file that was made elsewhere, section by section.

    Parameters
    ----------
    kind : str
        What the corrections that use it call it, such as ``bias`` or ``crosstalk``; ``defects`` is ``badpixels``.
    path : Path
        A FITS file with an image or a table for each section, in extensions named after the sections, or one image for
        the only section that is named; or a text file that a correction which uses the kind can read.
    sections : sequence of str
        Only these; by default all that the file has.
    filter : str
        Empty for kinds that do not depend on it.
    validity : Validity
        When it may be used.
    register : bool
        False tells only what would be registered.

    Raises
    ------
    InputError
        If nothing uses the kind, or the file cannot be read, holds nothing for a section, or a shape is not that of
        its section.
    """
    kind = ALIASES.get(kind, kind)
    instrument = services.instrument
    known = {GAIN, *(one for detrender in _detrenders(services) for one in detrender.calibrations())}
    if kind not in known:
        raise InputError(
            f"no correction that is installed uses calibration files of kind {kind!r}; "
            f"known are {', '.join(sorted({*known, *ALIASES}))}"
        )
    if not path.is_file():
        raise InputError(f"{path} does not exist")
    if filter and instrument.filters and filter not in instrument.filters:
        raise InputError(
            f"{instrument.name} has no filter {filter!r}; it has {', '.join(instrument.filters)}"
        )
    with path.open("rb") as file:
        is_fits = file.read(9) == b"SIMPLE  ="
    found = (
        _from_fits(kind, path, instrument, sections)
        if is_fits
        else _from_text(services, kind, path, sections)
    )
    used = [
        _registered(services, kind, path, section, filter, value, validity or Validity(), register)
        for section, value in found
    ]
    lacking = [name for name in sections if name not in {one.section for one in used}]
    if lacking or not used:
        raise InputError(f"{path} has nothing for {', '.join(lacking) or 'any section'} of {instrument.name}")
    return used


def _detrenders(services: Services) -> list[Any]:
    return [one(one.Params()) for one in services.registry.components("calibrator", "detrend").values()]


def _registered(
    services: Services,
    kind: str,
    path: Path,
    section: str,
    band: str,
    value: CalibrationFrame | ColumnTable,
    validity: Validity,
    register: bool,
) -> BuiltCalibration:
    # Of a file from elsewhere nothing is known but what is in it.
    parameters = {"sha256": file_sha256(path), "filter": band}
    instrument = services.instrument.name
    provenance = Provenance.of(kind, _VERSION, {**parameters, "instrument": instrument}, {}, {})
    identity = product_id(provenance.id, section, {})
    if register:
        calibration: Calibration = (
            CalibrationTable(kind, value, identity)
            if isinstance(value, ColumnTable)
            else CalibrationFrame(kind, value.data, identity)
        )
        services.store.provenances.register([provenance])
        observation = Observation(instrument, band, None, 0.0, section=section)
        record = ProductRecord(identity, provenance, section, identity, {}, observation)
        services.store.calibrations.register(
            record.finished("", {"file": str(path.absolute())}),
            calibration,
            valid_from_mjd=validity.from_mjd,
            valid_to_mjd=validity.to_mjd,
        )
    return BuiltCalibration(kind, section, band, identity, 0)


def _from_fits(
    kind: str, path: Path, instrument: Instrument, sections: Sequence[str]
) -> Iterator[tuple[str, CalibrationFrame | ColumnTable]]:
    """Yield what the file has for each section; one at a time is in memory."""
    with open_fits(path) as hdus:
        named = {_section(instrument, hdu.name): hdu for hdu in hdus}
        named.pop("", None)
        if not named and len(sections) == 1:
            named = {sections[0]: _only_image(hdus, path)}
        for section, hdu in named.items():
            if not sections or section in sections:
                yield section, _value(kind, path, instrument, section, hdu.data)
                del hdu.data


def _only_image(hdus: Any, path: Path) -> Any:
    """Return the image of a file for one section: the one that SeeChange's own files have, or the only one."""
    if CALIBRATION in hdus:
        return hdus[CALIBRATION]
    images = [hdu for hdu in hdus if hdu.is_image and hdu.header.get("NAXIS") == 2]
    if len(images) != 1:
        raise InputError(f"{path} has {len(images)} images and no extension that is named after a section")
    return images[0]


def _section(instrument: Instrument, name: str) -> str:
    """Return the section that an extension's name stands for, which FITS has in capitals; empty for none."""
    for section in instrument.sections:
        if section.upper() == name.upper():
            return section
    return ""


def _value(
    kind: str, path: Path, instrument: Instrument, section: str, data: np.ndarray
) -> CalibrationFrame | ColumnTable:
    if data.dtype.names:
        table = ColumnTable({name: _native(data[name]) for name in data.dtype.names})
        lacking = [name for name in _GAIN_COLUMNS if name not in table]
        if kind == GAIN and lacking:
            raise InputError(f"{path}[{section}] lacks the columns {', '.join(lacking)} of a table of gains")
        return table
    shape = instrument.sections[section].shape
    if data.shape != tuple(shape):
        raise InputError(
            f"{path}[{section}] has the shape {data.shape}; the trimmed section has {tuple(shape)}"
        )
    pixels = np.ascontiguousarray(data, np.float32)
    if not np.isfinite(pixels).all():
        raise InputError(
            f"{path}[{section}] has pixels that are not finite; give them a value, and list them as bad"
        )
    return CalibrationFrame(kind, pixels, "")


def _native(values: np.ndarray) -> np.ndarray:
    array = np.asarray(values)
    if array.dtype.kind in "SU":
        return np.char.strip(array.astype(str))
    return array.astype(array.dtype.newbyteorder("="))


def _from_text(
    services: Services, kind: str, path: Path, sections: Sequence[str]
) -> Iterator[tuple[str, CalibrationFrame | ColumnTable]]:
    """Ask the correction that uses the kind what a text file says."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is neither FITS nor text") from error
    readers = [detrender for detrender in _detrenders(services) if kind in detrender.calibrations()]
    if not readers:
        raise InputError(f"{path}: calibration files of kind {kind} are FITS tables, not text")
    try:
        tables = readers[0].read_tables(kind, text, services.instrument)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    for section, table in tables.items():
        if not sections or section in sections:
            yield section, table
