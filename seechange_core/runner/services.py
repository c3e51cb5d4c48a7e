"""What every driver works with: profile, camera, store, plugins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seechange_core.pipeline import process_schemas
from seechange_core.profile import Locations, Profile, check_layers
from seechange_core.profile.layers import Layer
from seechange_core.registry import Registry
from seechange_core.store import Store


@dataclass(frozen=True)
class Services:
    """One process's own connections and plugins."""

    profile: Profile
    registry: Registry
    instrument: Any
    store: Store

    @classmethod
    def of(cls, profile: Profile) -> Services:
        """Open the store that a profile names."""
        return cls(profile, profile.registry, profile.instrument(), open_store(profile))

    @classmethod
    def from_layers(cls, layers: Sequence[Layer]) -> Services:
        """Make the same services in another process, where plugins have to be found anew."""
        return cls.of(check_layers(Registry(), process_schemas(), layers))


def open_store(profile: Profile | Locations) -> Store:
    """Open the database and the folders that a profile names.

    Raises
    ------
    StoreError
        If they cannot be reached.
    """
    return Store.open(
        url=profile.database.url,
        password=profile.database.secret(),
        root=profile.storage.root,
        archive=profile.storage.archive,
    )
