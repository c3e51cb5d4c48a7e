"""Small parts of the planes of an image or a difference, read without the rest."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from seechange_core.frames import Box
from seechange_core.store.formats.document import extension, native, opened


def read_window(path: Path, names: Collection[str], box: Box) -> dict[str, np.ndarray[Any, Any]]:
    """Read a rectangle of some planes; of a compressed plane only the tiles that it touches are unpacked.

    Parameters
    ----------
    path : Path
        File of an image or a difference.
    names : collection of str
        Names of extensions; those that the file does not have are left out.
    box : Box
        The rectangle; it must lie within the image.

    Raises
    ------
    StoreError
        If the file is missing, damaged or truncated.
    """
    with opened(path) as hdus:
        present = {hdu.name for hdu in hdus}
        return {
            name: native(extension(hdus, name, path).section[box.slices]) for name in names if name in present
        }
