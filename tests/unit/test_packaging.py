"""What the packages contain and say of each other."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import seechange_core

ROOT = Path(__file__).parents[2]
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))


def project_table(folder: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return project


def run_python(*arguments: str) -> None:
    result = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def revisions(names: list[str], folder: str) -> set[str]:
    """The Alembic revisions among the names of an archive, which must lie in the folder."""
    return {name for name in names if re.fullmatch(rf"{folder}/versions/\w+\.py", name)}


def imported_modules(file: Path) -> Iterator[str]:
    """The top-level names of all that a file imports, at its top or within functions."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An sdist, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run_python("-m", "build", "--no-isolation", "--outdir", str(folder), ".")
    return folder


@pytest.fixture(scope="module")
def wheel_names(built: Path) -> list[str]:
    with ZipFile(next(built.glob("*.whl"))) as archive:
        return archive.namelist()


def test_sdist_holds_the_migrations_at_its_top(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    assert revisions(names, "migrations")
    assert "migrations/env.py" in names
    assert not [name for name in names if name.startswith("seechange_core/migrations/")]


def test_wheel_holds_every_migration_of_the_checkout_inside_the_package(wheel_names: list[str]) -> None:
    checkout = {f"seechange_core/{path.relative_to(ROOT)}" for path in ROOT.glob("migrations/versions/*.py")}
    assert checkout
    assert revisions(wheel_names, "seechange_core/migrations") == checkout
    assert "seechange_core/migrations/env.py" in wheel_names


def test_wheel_holds_the_package_and_nothing_else(wheel_names: list[str]) -> None:
    assert {name.partition("/")[0] for name in wheel_names} == {
        "seechange_core",
        f"seechange_core-{seechange_core.__version__}.dist-info",
    }
    assert "seechange_core/py.typed" in wheel_names


def test_wheel_holds_every_file_of_the_package(wheel_names: list[str]) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "seechange_core"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert set(tracked.stdout.split()) <= set(wheel_names)


def test_editable_installation_holds_no_copy_of_anything(tmp_path: Path) -> None:
    run_python("-c", f"from hatchling.build import build_editable; build_editable({str(tmp_path)!r})")
    with ZipFile(next(tmp_path.glob("*.whl"))) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
        assert names == ["_seechange_core.pth"]
        assert archive.read("_seechange_core.pth").decode().split() == [str(ROOT)]


@pytest.mark.parametrize("folder", PLUGINS, ids=lambda folder: folder.name)
class TestPlugin:
    def test_is_named_after_its_folder(self, folder: Path) -> None:
        project = project_table(folder)
        assert project["name"] == f"seechange-{folder.name}"
        assert project["entry-points"]["seechange"] == {folder.name: f"seechange_{folder.name}"}

    def test_accepts_the_version_of_the_core_beside_it(self, folder: Path) -> None:
        requirements = [Requirement(text) for text in project_table(folder)["dependencies"]]
        core = [requirement for requirement in requirements if requirement.name == "seechange-core"]
        assert len(core) == 1
        assert str(core[0].specifier)
        assert core[0].specifier.contains(seechange_core.__version__)

    def test_asks_for_the_same_libraries_as_the_core(self, folder: Path) -> None:
        """A lower bound that only a plugin raises would be found by nobody who installs the core alone."""
        bounds = {}
        for text in project_table(ROOT)["dependencies"]:
            requirement = Requirement(text)
            bounds[requirement.name] = requirement.specifier
        for text in project_table(folder)["dependencies"]:
            requirement = Requirement(text)
            assert requirement.specifier == bounds.get(requirement.name, requirement.specifier)


def test_constraints_are_exact_versions_and_nothing_else() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [line for line in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.!+]*", line)] == []
    assert not [line for line in lines if "://" in line or "@" in line]


def test_constraints_pin_every_direct_dependency_within_its_bounds() -> None:
    pins = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if not line.startswith("#"):
            name, _, version = line.partition("==")
            pins[name.lower()] = version
    for folder in (ROOT, *PLUGINS):
        project = project_table(folder)
        groups = [project["dependencies"], *project.get("optional-dependencies", {}).values()]
        for requirement in (Requirement(text) for group in groups for text in group):
            if requirement.name != "seechange-core":
                assert requirement.specifier.contains(pins[requirement.name.lower()]), requirement.name


@pytest.mark.parametrize("folder", [ROOT, *PLUGINS], ids=lambda folder: folder.name)
def test_every_library_that_is_imported_is_declared(folder: Path) -> None:
    project = project_table(folder)
    declared = {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}
    if folder == ROOT:
        # The fixtures for authors of plugins are imported by pytest only.
        declared |= {"pytest"}
    else:
        extras = project.get("optional-dependencies", {}).values()
        declared |= {canonicalize_name(Requirement(text).name) for extra in extras for text in extra}
    providers = packages_distributions()
    sources = (folder / "seechange_core").rglob("*.py") if folder == ROOT else (folder / "src").rglob("*.py")
    undeclared = set()
    for file in sources:
        for module in set(imported_modules(file)) - set(sys.stdlib_module_names):
            distributions = {canonicalize_name(name) for name in providers.get(module, [module])}
            if not distributions & {*declared, canonicalize_name(project["name"])}:
                undeclared.add((str(file.relative_to(folder)), module))
    assert undeclared == set()
