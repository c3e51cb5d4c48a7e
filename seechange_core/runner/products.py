"""What a unit of work has at hand: products by role, loaded when a step wants them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol


class Loads(Protocol):
    """Reads a product of a role from where it was saved."""

    def load(self, product_id: str, role: str) -> Any:
        """Return the product in memory."""


class Products(Mapping[str, Any]):
    """Identities of the products made so far, and their values, read from the store once.

    Parameters
    ----------
    store : Loads
        Where they were saved.
    """

    def __init__(self, store: Loads) -> None:
        self._store = store
        self._values: dict[str, Any] = {}
        self.ids: dict[str, str] = {}
        #: Identities that the product of a role was made from, by the role that they had for it.
        self.inputs: dict[str, Mapping[str, str]] = {}
        #: What the steps measured so far; of a name that several have, the latest.
        self.metrics: dict[str, Any] = {}
        #: Identities of those that this run was the first to write: nothing was made from them before.
        self.written: set[str] = set()

    def add(
        self,
        product_id: str,
        roles: Iterable[str],
        metrics: Mapping[str, Any],
        inputs: Mapping[str, str] | None = None,
    ) -> None:
        """Take the outputs and metrics of a process in, and what they were made from."""
        roles = tuple(roles)
        self.ids |= dict.fromkeys(roles, product_id)
        self.inputs |= dict.fromkeys(roles, inputs or {})
        self.metrics |= metrics

    def forget(self, roles: Iterable[str]) -> None:
        """Free the memory of roles; they are read again if they are asked for."""
        for role in roles:
            self._values.pop(role, None)

    def __getitem__(self, role: str) -> Any:
        if role not in self._values:
            self._values[role] = self._store.load(self.ids[role], role)
        return self._values[role]

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __len__(self) -> int:
        return len(self.ids)
