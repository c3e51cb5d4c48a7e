"""The conformance tests of everything that is installed; ``pytest --seechange-conformance`` collects this module."""

from __future__ import annotations

from typing import Any

import pytest

from seechange_core import testing
from seechange_core.api import Component
from seechange_core.registry import PluginStatus, Registry
from seechange_core.testing.conformance.component import ComponentConformance

_REGISTRY = Registry()
#: By kind, and of calibrators by stage.
_TESTS: dict[str, type[ComponentConformance]] = {
    "instrument": testing.InstrumentConformance,
    "subtractor": testing.SubtractorConformance,
    "scorer": testing.ScorerConformance,
    "catalog": testing.StarCatalogConformance,
    "detrend": testing.DetrenderConformance,
    "background": testing.BackgroundConformance,
    "psf": testing.PsfConformance,
    "astrometry": testing.AstrometryConformance,
    "photometry": testing.PhotometryConformance,
}


@pytest.mark.parametrize("status", _REGISTRY.plugins, ids=lambda status: status.key)
def test_plugin_is_registered_without_error(status: PluginStatus) -> None:
    """It can be imported, and the registry accepts all that it offers."""
    assert not status.error, f"{status.key}: {status.error}"


def _tests_of(component: type[Component]) -> tuple[str, type[ComponentConformance]]:
    stage = str(getattr(component, "stage", ""))
    name = "Test" + "".join(part.capitalize() for part in (component.kind, stage, component.name))
    # Schemas of parameters are stored beside the plugin's own tests.
    attributes: dict[str, Any] = {"component": component, "schemas": None, "__module__": __name__}
    return name, type(name, (_TESTS[stage or component.kind],), attributes)


globals().update(_tests_of(component) for component in _REGISTRY.all_components())
