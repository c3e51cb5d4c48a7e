"""Names that were public and are no more: for one minor version they still work, and warn."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any


class SeeChangeDeprecationWarning(FutureWarning):
    """A name will be gone with the next minor version; shown by default, since plugins are run by their users."""


@dataclass(frozen=True)
class Renamed:
    """Where a name has gone.

    Parameters
    ----------
    to : str
        The new name with its module: ``"seechange_core.api.Detrender"``.
    since : str
        Version that renamed it, "major.minor": in the next minor version it is gone.
    """

    to: str
    since: str

    def gone_in(self) -> str:
        """Return the version in which the old name is gone."""
        major, minor = (int(part) for part in self.since.split("."))
        return f"{major}.{minor + 1}"

    def overdue(self, version: str) -> bool:
        """Tell whether a version may have the old name no more."""
        major, minor = (int(part) for part in version.split(".")[:2])
        gone_major, gone_minor = (int(part) for part in self.gone_in().split("."))
        return (major, minor) >= (gone_major, gone_minor)


def deprecated_names(module: str, names: Mapping[str, Renamed]) -> Callable[[str], Any]:
    """Return a module's ``__getattr__``, which finds old names under their new ones and warns.

    Parameters
    ----------
    module : str
        Its ``__name__``.
    names : mapping
        Old name to where it has gone.
    """

    def module_getattr(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        renamed = names[name]
        warnings.warn(
            f"{module}.{name} is called {renamed.to} since SeeChange {renamed.since};"
            f" the old name is gone in {renamed.gone_in()}",
            SeeChangeDeprecationWarning,
            stacklevel=2,
        )
        home, _, new = renamed.to.rpartition(".")
        return getattr(import_module(home), new)

    return module_getattr
