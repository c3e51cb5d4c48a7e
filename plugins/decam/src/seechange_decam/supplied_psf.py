"""PSFEx models that lie beside a product's files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seechange_core.api.fits_files import open_fits, plain_cards
from seechange_core.errors import InputError
from seechange_core.frames import PsfModel
from seechange_core.imaging.psf.psfex import psf_from_psfex
from seechange_decam.file_names import FileName, file_of

#: Folders that hold the models of what lies in a folder called images.
_PARALLEL_FOLDERS = ("calib", "calib/psfex", "calib/psfex-single")


def find_model(files: tuple[Path, ...], section: str, psf_folder: Path | None) -> Path | None:
    """Return the file with the PSFEx model of a CCD.

    Looked for are ``<name>-<CCD>-psfex.fits`` and ``<name>-psfex.fits`` (one row a CCD), in `psf_folder` if it is
    given, else beside the image and in the folder that stands to ``calib``, ``calib/psfex`` or ``calib/psfex-single``
    as the image's own to ``images``; each time also in a folder called ``<name>``.

    Raises
    ------
    InputError
        If `psf_folder` is given and has none.
    """
    image = file_of(files, "ooi")
    name = FileName.parse(image) if image is not None else None
    if image is None or name is None:
        return None
    stem = name.stem("ooi")
    folders = [psf_folder] if psf_folder is not None else list(_folders(image.parent))
    for folder in folders:
        for place in (folder, folder / stem):
            for candidate in (place / f"{stem}-{section}-psfex.fits", place / f"{stem}-psfex.fits"):
                if candidate.exists():
                    return candidate
    if psf_folder is not None:
        raise InputError(f"{psf_folder} (instrument.decam.psf_folder) has no {stem}-{section}-psfex.fits")
    return None


def read_model(path: Path, section: str) -> PsfModel:
    """Read a PSFEx model, whose polynomial is in the coordinates of the (cut-out) image.

    Its numbers are header cards, or columns of a table with one row a CCD.
    """
    with open_fits(path) as hdus:
        if len(hdus) < 2 or not hasattr(hdus[1], "columns"):
            raise InputError(f"{path} holds no table: it is no PSFEx model")
        table, columns = hdus[1].data, {name.lower(): name for name in hdus[1].columns.names}
        if "psf_mask" not in columns:
            raise InputError(f"{path} has no column PSF_MASK: it is no PSFEx model")
        keywords: dict[str, Any] = plain_cards(hdus[1].header)
        row = 0
        if "ccdname" in columns:
            rows = [str(value).strip() for value in table[columns["ccdname"]]]
            if section not in rows:
                raise InputError(f"{path} has no model for {section}, only for {', '.join(rows)}")
            row = rows.index(section)
        keywords |= {name: table[column][row] for name, column in columns.items() if name != "psf_mask"}
        return psf_from_psfex(keywords, table[columns["psf_mask"]][row])


def _folders(folder: Path) -> Iterator[Path]:
    yield folder
    parts = folder.absolute().parts
    for position in reversed([number for number, part in enumerate(parts) if part == "images"]):
        for parallel in _PARALLEL_FOLDERS:
            yield Path(*parts[:position], parallel, *parts[position + 1 :])
