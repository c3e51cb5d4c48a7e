"""Files that belong to a row."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from seechange_core.models.columns import one_of


class FilesMixin:
    """One or more files on disk whose paths begin alike.

    Attributes
    ----------
    path_stem : str
        What the paths of all files begin with; relative to the data folder, or absolute (raw files).
    components : list of dict
        By file: ``name`` (what follows the stem, suffix included), ``sha256``, ``size`` (byte).
    archive_state : {"none", "archived"}
        Whether the archive holds the files.
    """

    path_stem: Mapped[str]
    components: Mapped[list[dict[str, Any]]]
    archive_state: Mapped[str] = mapped_column(one_of("archive_state", "none", "archived"), default="none")

    def paths(self) -> list[str]:
        """Return the path of every file, in the order of the components."""
        return [self.path_stem + component["name"] for component in self.components]
