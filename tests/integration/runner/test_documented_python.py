"""The Python that the documentation shows must run as it stands."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seechange_core.models import Image, Measurements, Object
from seechange_core.store import DataStore, Store

HOW_TO = Path(__file__).parents[3] / "docs/how-to"


def python_of(path: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", path.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def archived(referenced: Any, tmp_path_factory: pytest.TempPathFactory, copy_to: Callable[..., Any]) -> Any:
    """A survey with one processed exposure that has an archive."""
    folder = tmp_path_factory.mktemp("documented")
    survey = copy_to(referenced, f"sqlite:///{folder / 'seechange.db'}", folder / "data")
    (report,) = survey.process([survey.files.new[0]], f"storage.archive={folder / 'archive'}")
    assert report.state == "done"
    return survey


@pytest.fixture
def processed(archived: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The survey that the environment names."""
    monkeypatch.setenv("SEECHANGE__DATABASE__URL", archived.url)
    monkeypatch.setenv("SEECHANGE__STORAGE__ROOT", str(archived.root))
    monkeypatch.setenv("SEECHANGE__STORAGE__ARCHIVE", str(archived.root.with_name("archive")))
    return archived


def run(blocks: list[str], names: dict[str, Any]) -> dict[str, Any]:
    for block in blocks:
        exec(compile(block, "documentation", "exec"), names)
    return names


def test_queries(processed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    names = run(python_of(HOW_TO / "query.md"), {})
    assert names["stamps"].n_candidates == len(processed.rows(Measurements)) > 0
    assert len(names["light_curve"]) == 1
    assert len(names["likely_real"]) > 10
    assert all(row.upstream_badness for row in processed.rows(Measurements))
    assert "(1024, 1024)" in capsys.readouterr().out


def test_why_nothing_was_found(processed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store.of_profile()
    exposure = store.exposures.chosen(processed.files.new[0].name)
    data = DataStore(store, exposure_id=exposure.id, section_id="C1")
    names = run(python_of(HOW_TO / "why-nothing-was-found.md"), {"store": store, "data": data})
    assert f"{exposure.components[0]['name']} C1" in capsys.readouterr().out
    assert names["decisions"].n_rows >= len(processed.rows(Measurements))


def test_light_curves(processed: Any) -> None:
    name = processed.rows(Object)[0].name
    names = run(python_of(HOW_TO / "light-curves.md"), {"name": name})
    assert len(names["detected"]) == names["n_measured"] == names["table"].n_rows == 1


def test_emptying_the_local_disk(processed: Any) -> None:
    image = next(row for row in processed.rows(Image) if row.is_difference)
    new_image = next(row for row in processed.rows(Image) if row.id == image.new_image_id)
    names = run(python_of(HOW_TO / "archive.md"), {"image_id": new_image.id})
    assert names["pixels"].shape == (1024, 1024)


def test_replacing_relationships(processed: Any) -> None:
    names = run(python_of(HOW_TO / "from-the-original.md"), {})
    assert names["difference"].new_image_id == names["new_image"].id
    assert len(names["members"]) == names["reference"].info["n_members"] > 1
    assert len(names["rows"]) == len(processed.rows(Measurements))
    assert names["light_curve"]
    assert {row.role for row in names["made_from"]} > {"image", "reference"}


def test_working_from_python(capsys: pytest.CaptureFixture[str]) -> None:
    names = run(python_of(HOW_TO / "python.md"), {})
    assert names["left"].get_title() == "New"
    assert "detection" in capsys.readouterr().out
