"""Settings that are no part of a process: where data live and how work is spread."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr

from seechange_core.errors import ProfileError
from seechange_core.params import parameter


class Settings(BaseModel):
    """Base class: immutable, closed to unknown names, never hashed."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class DatabaseSettings(Settings):
    """Where the database is."""

    url: str = parameter(
        "",
        description="SQLAlchemy URL of a SQLite or PostgreSQL database; empty for seechange.db in the storage root",
        critical=False,
    )
    password: SecretStr | None = parameter(
        None, description="Password of the database; better set SEECHANGE__DATABASE__PASSWORD", critical=False
    )
    password_file: Path | None = parameter(
        None, description="File whose first line is the password of the database", critical=False
    )

    def secret(self) -> str | None:
        """Return the password, from wherever it is to come; None if none is set.

        Raises
        ------
        ProfileError
            If the file that should hold it cannot be read.
        """
        if self.password is not None:
            return self.password.get_secret_value()
        if self.password_file is None:
            return None
        try:
            return self.password_file.read_text(encoding="utf-8").splitlines()[0]
        except (OSError, IndexError) as error:
            raise ProfileError(
                [f"database.password_file: {self.password_file} cannot be read: {error}"]
            ) from error


class StorageSettings(Settings):
    """Where files are."""

    root: Path = parameter(
        Path("seechange-data"), description="Folder of all products; it may be moved", critical=False
    )
    archive: Path | None = parameter(
        None, description="Second folder that keeps a copy of every product", critical=False
    )


class RunnerSettings(Settings):
    """How work is spread."""

    jobs: int = parameter(
        0, description="Sections worked on at the same time; 0 for the number of cores", ge=0, le=1024
    )
    tag: str = parameter(
        "current", description="Provenance tag that a run sets and looks products up by", min_length=1
    )
    fakes: bool = parameter(
        False,
        description="Whether every image that was searched is searched again with injected sources, to learn how "
        "complete the search is",
    )
