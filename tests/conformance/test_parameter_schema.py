"""Parameters that change within a version are noticed, and are not stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from seechange_core.api import Params, Scorer, parameter
from seechange_core.testing.conformance.parameter_schema import difference, store, stored_path


def scorer(version: str, **field: object) -> type[Scorer]:
    class Changed(Params):
        width: float = parameter(
            **{"default": 1.0, "description": "Of the filter", "unit": "pixel", "gt": 0} | field
        )

    return type("Mine", (Scorer,), {"name": "mine", "version": version, "Params": Changed})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = stored_path(tmp_path / "schemas", scorer("1.0"))
    assert path.name == "scorer_mine.json"
    assert "there is no" in difference(path, scorer("1.0"))
    store(path, scorer("1.0"))
    assert difference(path, scorer("1.0")) == ""
    return path


@pytest.mark.parametrize("field", [{"default": 2.0}, {"gt": -1}, {"unit": "arcsec"}, {"critical": False}])
def test_change_needs_a_new_version(path: Path, field: dict[str, object]) -> None:
    assert difference(path, scorer("1.0", **field)) == "parameters changed within version 1.0: width"
    with pytest.raises(ValueError, match="raise the version first"):
        store(path, scorer("1.0", **field))
    assert "is of version 1.0, the component of 1.1" in difference(path, scorer("1.1", **field))
    store(path, scorer("1.1", **field))
    assert difference(path, scorer("1.1", **field)) == ""


def test_description_may_change(path: Path) -> None:
    assert difference(path, scorer("1.0", description="Full width at half maximum of the filter")) == ""
