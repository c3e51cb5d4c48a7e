from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path
from types import SimpleNamespace
from zipfile import ZipFile

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect, text

import seechange_core
from seechange_core.errors import StoreError
from seechange_core.models import Base, RefSet, row_id
from seechange_core.store import migrations
from seechange_core.store.database import Database
from seechange_core.store.engine import make_engine

ROOT = Path(__file__).parents[2]
UPGRADE = """
import sys
from pathlib import Path
from types import SimpleNamespace
import seechange_core
from seechange_core.store.database import Database
from seechange_core.store.migrations import migrations_folder
database = Database(sys.argv[1])
database.upgrade()
print(Path(seechange_core.__file__).parent)
print(migrations_folder())
print(database.revision())
"""


@pytest.fixture
def empty(empty_database_url: str) -> Database:
    return Database(empty_database_url)


def test_tables_after_the_migrations_are_those_of_the_models(empty: Database) -> None:
    empty.upgrade()
    assert empty.differences() == []


def names_of_constraints(connection: Connection) -> dict[str, set[str | None]]:
    found = inspect(connection)
    return {
        table: {
            found.get_pk_constraint(table)["name"],
            *(each["name"] for each in found.get_foreign_keys(table)),
            *(each["name"] for each in found.get_unique_constraints(table)),
            *(each["name"] for each in found.get_check_constraints(table)),
            *(each["name"] for each in found.get_indexes(table)),
        }
        for table in Base.metadata.tables
    }


def test_constraints_have_the_names_that_the_models_give_them(empty: Database) -> None:
    """Later migrations find them by name, and Alembic does not compare all of them."""
    engine = make_engine(empty.url).execution_options(writes=True)
    with engine.connect() as connection, connection.begin() as transaction:
        Base.metadata.create_all(connection)
        expected = names_of_constraints(connection)
        transaction.rollback()
    empty.upgrade()
    with engine.connect() as connection:
        assert names_of_constraints(connection) == expected
    engine.dispose()


def test_upgrade_of_what_is_new_already_changes_nothing(empty: Database) -> None:
    empty.upgrade()
    with empty.write() as session:
        session.add(RefSet(id=row_id("deep"), name="deep"))
    empty.upgrade()
    with empty.read() as session:
        assert session.get_one(RefSet, row_id("deep")).name == "deep"


def test_upgrade_that_dies_leaves_nothing_and_can_be_repeated(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def upgrade_and_die(config: Config, revision: str) -> None:
        command.upgrade(config, revision)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(migrations, "command", SimpleNamespace(upgrade=upgrade_and_die))
        with pytest.raises(KeyboardInterrupt):
            empty.upgrade()
    engine = make_engine(empty.url)
    assert inspect(engine).get_table_names() == []
    engine.dispose()
    empty.upgrade()
    assert empty.differences() == []


def test_tables_of_the_first_revision_become_those_of_the_models(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def upgrade_to_first(config: Config, revision: str) -> None:
        command.upgrade(config, "0001")

    with monkeypatch.context() as patched:
        patched.setattr(migrations, "command", SimpleNamespace(upgrade=upgrade_to_first))
        empty.upgrade()
    assert empty.revision() == "0001"
    empty.upgrade()
    assert empty.revision() == migrations.head()
    assert empty.differences() == []


def test_postgresql_is_not_migrated_without_being_asked(empty: Database, database_kind: str) -> None:
    if database_kind == "sqlite":
        with empty.read():
            assert empty.revision() == migrations.head()
        return
    with pytest.raises(StoreError, match="seechange db upgrade"), empty.read():
        pass
    assert empty.revision() is None


def test_tables_of_another_revision_are_refused(database: Database) -> None:
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    later = Database(database.url.render_as_string(hide_password=False))
    with pytest.raises(StoreError, match=r"revision 9999.*seechange db upgrade"), later.read():
        pass
    with pytest.raises(StoreError, match="install a newer seechange-core"):
        later.upgrade()


def test_differences_are_seen(database: Database) -> None:
    with database.write() as session:
        session.execute(text("ALTER TABLE refsets ADD COLUMN extra TEXT"))
    assert len(database.differences()) == 1


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An sdist and a wheel, each unpacked."""
    folder = tmp_path_factory.mktemp("distributions")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    next(folder.glob("seechange_core-*/")).rename(folder / "sdist")
    with ZipFile(next(folder.glob("*.whl"))) as archive:
        archive.extractall(folder / "wheel")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "place"),
    [("wheel", "seechange_core/migrations"), ("sdist", "migrations"), ("checkout", "migrations")],
)
def test_upgrade_works_from(kind: str, place: str, distributions: Path, empty_database_url: str) -> None:
    root = ROOT if kind == "checkout" else distributions / kind
    command = [sys.executable, "-c", UPGRADE, empty_database_url]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    package, folder, revision = done.stdout.split()
    assert Path(package) == root / "seechange_core"
    assert Path(folder) == root / place
    assert revision == migrations.head()


def test_missing_migrations_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seechange_core, "__file__", str(tmp_path / "seechange_core" / "__init__.py"))
    with pytest.raises(StoreError, match="no migrations"):
        migrations.migrations_folder()
