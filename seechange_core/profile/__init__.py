"""A survey's configuration, layered and validated."""

from __future__ import annotations

from seechange_core.profile.commented import commented_profile
from seechange_core.profile.locations import Locations, load_locations
from seechange_core.profile.model import ProcessSchema, profile_model
from seechange_core.profile.profile import (
    Branch,
    InstrumentNotNamedError,
    Profile,
    check_layers,
    load_profile,
)
from seechange_core.profile.settings import DatabaseSettings, RunnerSettings, StorageSettings

__all__ = [
    "Branch",
    "DatabaseSettings",
    "InstrumentNotNamedError",
    "Locations",
    "ProcessSchema",
    "Profile",
    "RunnerSettings",
    "StorageSettings",
    "check_layers",
    "commented_profile",
    "load_locations",
    "load_profile",
    "profile_model",
]
