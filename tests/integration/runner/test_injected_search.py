"""The search of an image with injected sources: what is kept of it, and that nothing else changes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from seechange_core.cli import cli
from seechange_core.errors import Rejected
from seechange_core.models import Completeness, DataFile, Image, Measurements, Object, Product
from seechange_core.runner.section_report import DONE
from seechange_core.steps.injection import Injection
from seechange_core.store.database import Database
from seechange_core.store.deletion import delete_everything
from seechange_core.store.detection_limits import INJECTED, NOISE, DetectionLimit, detection_limits

FAKES = ("runner.fakes=true", "injection.number=60")


@pytest.fixture
def searched(copied: Callable[[Any], Any], processed: Any) -> Any:
    """A survey with one exposure that was searched."""
    return copied(processed)


def test_the_search_itself_is_left_as_it_was(searched: Any, new_exposure: Path) -> None:
    before = searched.contents()
    objects = {row.id for row in searched.rows(Object)}
    (report,) = searched.process([new_exposure], *FAKES)
    assert (report.state, report.steps[-1].process) == (DONE, "completeness")
    after = searched.contents()
    for name, rows in before.items():
        if name in {"products", "product_inputs", "data_files", "provenances", "provenance_tags", "files"}:
            assert all(row in after[name] for row in rows), name
        elif name != "completeness":
            assert after[name] == rows, name
    assert {row.id for row in searched.rows(Object)} == objects
    assert not any(row.is_fake for row in searched.rows(Object))
    assert len(after["files"]) == len(before["files"]) + 1
    (product,) = searched.rows(Product, Product.process == "completeness")
    assert [row.role for row in searched.rows(DataFile, DataFile.product_id == product.id)] == ["recovered"]
    assert searched.problems() == []


@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"])
def test_completeness_can_be_queried(searched: Any, new_exposure: Path) -> None:
    (difference,) = searched.rows(Image, Image.is_difference)
    database = Database(searched.url)
    (subtraction,) = searched.rows(Product, Product.id == difference.id)
    with database.read() as session:
        before = detection_limits(session, [difference.id])[difference.id]
    noise = subtraction.metrics["difference_limiting_magnitude"]
    assert before == DetectionLimit(noise, NOISE, noise_magnitude=noise)
    searched.process([new_exposure], *FAKES)
    rows = {(row.environment, row.stage): row for row in searched.rows(Completeness)}
    assert {row.image_id for row in rows.values()} == {difference.id}
    sky = rows["sky", "measured"]
    assert (sky.flux_unit, rows["sky", "detected"].n_fakes) == ("nJy", sky.n_fakes)
    assert sky.n_found <= rows["sky", "detected"].n_found
    with database.read() as session:
        limit = detection_limits(session, [difference.id])[difference.id]
    database.close()
    assert (limit.kind, limit.magnitude, limit.error) == (INJECTED, sky.magnitude50, sky.error50)
    # Half is found where the noise is a fifth of the light, or a little below: peaks are looked for.
    assert limit.magnitude == pytest.approx(before.magnitude, abs=0.1 + 3.0 * sky.error50)


@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"])
def test_documented_queries(searched: Any, new_exposure: Path, capsys: pytest.CaptureFixture[str]) -> None:
    searched.process([new_exposure], *FAKES)
    text = (Path(__file__).parents[3] / "docs/how-to/completeness.md").read_text("utf-8")
    services = searched.services()
    for block in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        exec(compile(block, "documentation", "exec"), {"store": services.store})
    assert INJECTED in capsys.readouterr().out
    (query,) = re.findall(r"^```sql\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    with services.store.database.read() as session:
        ((band, magnitude, width),) = session.connection().exec_driver_sql(query.rstrip().rstrip(";")).all()
    services.store.database.close()
    assert (band, 20 < magnitude < 24, 0 < width < 1) == ("r", True, True)


def test_commands(searched: Any, new_exposure: Path, tmp_path: Path) -> None:
    injected = [
        *searched.options,
        "--set=injection.number=60",
        "--sections=C1",
        "--jobs=1",
        str(new_exposure),
    ]
    located = [f"--set={assignment}" for assignment in searched.assignments[:2]]
    run = CliRunner()
    assert "nothing was injected" in run.invoke(cli, ["fakes", "show", *located]).output
    shown_before = run.invoke(cli, ["provenance", "tags", "--json", *located]).stdout
    made = run.invoke(cli, ["fakes", "run", "--tag=limits", "--json", *injected])
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["sections"][0]["steps"][-1]["metrics"]["n_fakes"] == 60
    named = json.loads(run.invoke(cli, ["provenance", "tags", "--json", *located]).stdout)
    assert [row for row in named if row["tag"] != "limits"] == json.loads(shown_before)
    located.append("--tag=limits")
    (difference,) = searched.rows(Image, Image.is_difference)
    picture = tmp_path / "completeness.png"
    for image in (difference.id, difference.new_image_id):
        shown = run.invoke(cli, ["fakes", "show", str(image), "--json", f"--plot={picture}", *located])
        assert shown.exit_code == 0, shown.output
        rows = json.loads(shown.stdout)
        assert {row["image"] for row in rows} == {str(difference.id)}
        assert sum(row["n_fakes"] for row in rows if row["stage"] == "measured") == 60
    assert picture.stat().st_size > 10_000
    assert run.invoke(cli, ["fakes", "show", "--filter", "no such", *located]).output.startswith("nothing")


def test_it_is_made_once_and_everywhere_the_same(
    searched: Any, new_exposure: Path, copied: Callable[[Any], Any]
) -> None:
    other = copied(searched)
    first, again = (searched.process([new_exposure], *FAKES)[0] for _ in range(2))
    assert (first.steps[-1].made, again.steps[-1].made) == (True, False)
    assert first.steps[-1].product_id == again.steps[-1].product_id
    other.process([new_exposure], *FAKES)
    assert other.contents()["files"] == searched.contents()["files"]
    assert other.contents()["completeness"] == searched.contents()["completeness"]


@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"])
def test_it_goes_with_what_it_describes(searched: Any, new_exposure: Path) -> None:
    searched.process([new_exposure], *FAKES)
    (difference,) = searched.rows(Image, Image.is_difference)
    services = searched.services()
    delete_everything(services.store.database, services.store.files, [difference.id])
    services.store.database.close()
    assert searched.rows(Completeness) == []
    assert searched.rows(Measurements) == []
    assert searched.problems() == []


def test_a_branch_that_rejects_the_image_is_a_warning(
    searched: Any, new_exposure: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reject(*given: Any) -> None:
        raise Rejected("there is no room")

    monkeypatch.setattr(Injection, "run", reject)
    for _ in range(2):
        (report,) = searched.process([new_exposure], *FAKES)
        assert (report.state, report.warnings) == (DONE, ("completeness: there is no room",))
    assert [row.reason for row in searched.rows(Product, Product.state == "rejected")] == ["there is no room"]
    assert searched.rows(Completeness) == []
