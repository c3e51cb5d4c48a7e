"""What a driver has to know of its unit of work, so that one `run_step` serves all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from seechange_core.pipeline import PlannedStep
from seechange_core.runner.products import Products
from seechange_core.steps.step import Request
from seechange_core.store.record import Observation


class Unit(Protocol):
    """A section of an exposure, or a sky cell with the images that cover it."""

    @property
    def place(self) -> str:
        """Section or sky cell."""

    @property
    def origin(self) -> Mapping[str, str]:
        """Identities of what the first step starts from, by role."""

    def origin_inputs(self) -> Mapping[str, Any]:
        """Read what the first step starts from."""

    def bind(self, request: Request, planned: PlannedStep, products: Products) -> Mapping[str, str]:
        """Choose what fills a request: identities by role.

        Raises
        ------
        MissingInput
            If nothing does.
        """

    def fetch(
        self, request: Request, bound: Mapping[str, str], planned: PlannedStep, products: Products
    ) -> Any:
        """Load what was chosen."""

    def observation(self, products: Products) -> Observation:
        """Return what rows and file names say of the image, as far as it is known with these products."""
