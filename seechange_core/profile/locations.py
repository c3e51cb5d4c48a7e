"""Where the data of a survey are, for work that needs neither its camera nor its chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from seechange_core.profile.profile import user_layers, validated
from seechange_core.profile.settings import DatabaseSettings, StorageSettings


class Locations(BaseModel):
    """The blocks ``database`` and ``storage`` of a profile."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    database: DatabaseSettings = DatabaseSettings()
    storage: StorageSettings = StorageSettings()


def load_locations(
    file: Path | None = None, assignments: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Locations:
    """Read where the data are from the user's layers of a profile: file, environment, assignments.

    Raises
    ------
    ProfileError
        If what they say of it cannot be used; see `load_profile` for the parameters.
    """
    return validated(Locations, user_layers(file, assignments, environment))
