"""A simulated survey, taken once a session to where a reference is there, and copied for each test."""

from __future__ import annotations

import itertools
import shutil
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert, select

from seechange_core.builtin.simulated_survey import SurveyFiles
from seechange_core.models import Base, DeepScore, Measurements, Object, Product, Report
from seechange_core.pipeline import coadd_plan, exposure_plan, process_schemas, referencing_provenance
from seechange_core.profile import load_profile
from seechange_core.registry import Registry
from seechange_core.runner.calibration_frames import build_calibrations
from seechange_core.runner.process import process_sections, register_exposures
from seechange_core.runner.references import build_reference
from seechange_core.runner.section_report import DONE, SectionReport
from seechange_core.runner.services import Services
from seechange_core.store.checking import check_files
from seechange_core.store.database import Database
from seechange_core.store.files import file_sha256

N_REFERENCE = 3
_RADIUS_ARCSEC = 1.0
#: What says when and by whom a row was written, not what it says; objects are named after whoever was first.
_NOT_COMPARED = {"created_at", "object_id"}
_TABLES_NOT_COMPARED = {"reports", "code_versions", "objects", "object_counters"}


@dataclass(frozen=True)
class Survey:
    """A store of the simulated survey, and how people work with it.

    Attributes
    ----------
    files : SurveyFiles
        What was simulated.
    url, root
        Database and data folder.
    """

    files: SurveyFiles
    url: str
    root: Path

    @property
    def assignments(self) -> tuple[str, ...]:
        """What the profile is told of this store."""
        catalogs = [f"{process}.catalog" for process in ("astrocal", "photocal")]
        return (
            f"storage.root={self.root}",
            f"database.url={self.url}",
            *(f"{catalog}.use=file" for catalog in catalogs),
            *(f"{catalog}.file.path={self.files.catalog}" for catalog in catalogs),
        )

    @property
    def options(self) -> list[str]:
        """The same for a command line."""
        return ["--instrument", "simcam", *(f"--set={assignment}" for assignment in self.assignments)]

    @property
    def command(self) -> list[str]:
        """`seechange process` as another process, without its files."""
        return [sys.executable, "-m", "seechange_core.cli", "process", *self.options]

    def services(self, *assignments: str) -> Services:
        """Open the store."""
        return Services.of(
            load_profile(
                Registry(),
                process_schemas(),
                instrument="simcam",
                assignments=[*self.assignments, *assignments],
            )
        )

    def process(
        self,
        paths: Iterable[Path],
        *assignments: str,
        sections: tuple[str, ...] = ("C1",),
        through: str = "scoring",
        jobs: int = 0,
    ) -> list[SectionReport]:
        """Run sections in this process, or in worker processes; return how they ended, in the order of their names."""
        services = self.services(*assignments)
        plan = exposure_plan(services.profile).through(through)
        tasks, reports = register_exposures(services, ((path,) for path in paths), sections)
        reports += process_sections(services, plan, tasks, jobs)
        services.store.database.close()
        return sorted(reports, key=lambda report: (report.exposure, report.section))

    def rows(self, table: type[Base], *conditions: Any) -> list[Any]:
        """Return rows of a table."""
        with closing(Database(self.url)) as database, database.read() as session:
            return list(session.scalars(select(table).where(*conditions)))

    def contents(self) -> dict[str, Any]:
        """Return every row that two runs of the same profile share, and every file with its content's hash."""
        with closing(Database(self.url)) as database, database.read() as session:
            tables = {
                table.name: _rows(session, table)
                for table in Base.metadata.sorted_tables
                if table.name not in _TABLES_NOT_COMPARED
            }
            tables["objects"] = _objects(list(session.scalars(select(Measurements))))
        tables["files"] = [
            (path.relative_to(self.root).as_posix(), file_sha256(path)) for path in sorted(self.written())
        ]
        return tables

    def written(self) -> list[Path]:
        """Return all files in the data folder but locks."""
        return [path for path in self.root.rglob("*") if path.is_file() and path.suffix != ".lock"]

    def problems(self) -> list[Any]:
        """Return files and rows that do not fit each other, as `seechange db check --checksums` does."""
        services = self.services()
        found: list[Any] = list(check_files(services.store.database, services.store.files, checksums=True))
        services.store.database.close()
        measured = {row.id for row in self.rows(Measurements)}
        products = {row.id for row in self.rows(Product)}
        found += [row for row in self.rows(Measurements) if row.product_id not in products]
        found += [row for row in self.rows(DeepScore) if row.measurement_id not in measured]
        belongs = {row.object_id for row in self.rows(Measurements)}
        found += [row for row in self.rows(Object) if row.id not in belongs]
        return found

    def reports(self) -> list[Report]:
        """Return the reports of all runs in the order in which they began."""
        return sorted(self.rows(Report), key=lambda report: report.started_at)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Count every test of this folder as slow: the first of them simulates and calibrates the survey."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


def _in_folder(files: SurveyFiles, folder: Path) -> Survey:
    return Survey(files, f"sqlite:///{folder / 'seechange.db'}", folder / "data")


@pytest.fixture(scope="session")
def calibrated(survey_files: SurveyFiles, made_once: Callable[..., Path]) -> Survey:
    """A survey with calibration frames."""

    def build(folder: Path) -> None:
        services = _in_folder(survey_files, folder).services()
        build_calibrations(services, "bias", [(path,) for path in survey_files.bias[:3]])
        build_calibrations(services, "flat", [(path,) for path in survey_files.flats[:3]])
        services.store.database.close()

    return _in_folder(survey_files, made_once("calibrated", build))


@pytest.fixture(scope="session")
def referenced(calibrated: Survey, made_once: Callable[..., Path]) -> Survey:
    """A survey with calibration frames and a reference of both CCDs."""

    def build(folder: Path) -> None:
        copy = _in_folder(calibrated.files, folder)
        survey = _copied(calibrated, copy.url, copy.root)
        reports = survey.process(
            survey.files.reference[:N_REFERENCE], sections=("C1", "C2"), through="photocal"
        )
        assert {report.state for report in reports} == {DONE}
        add_references(survey, ("C1", "C2"))

    return _in_folder(calibrated.files, made_once("referenced", build))


@pytest.fixture(scope="session")
def processed(referenced: Survey, made_once: Callable[..., Path]) -> Survey:
    """A survey with references and one exposure of which CCD C1 is done, which tests leave as it is."""

    def build(folder: Path) -> None:
        copy = _in_folder(referenced.files, folder)
        survey = _copied(referenced, copy.url, copy.root)
        (report,) = survey.process([survey.files.new[0]])
        assert report.state == DONE

    return _in_folder(referenced.files, made_once("processed", build))


def add_references(survey: Survey, sections: Iterable[str]) -> None:
    """Build references of sections from all exposures that are calibrated."""
    services = survey.services()
    path = survey.files.reference[0]
    services.store.provenances.register(
        [*coadd_plan(services.profile).provenances(), referencing_provenance(services.profile)]
    )
    header = services.instrument.read_header((path,))
    for section in sections:
        cards = services.instrument.read_section_header((path,), section)
        mapping = services.instrument.first_mapping(cards, {**header.info, "section": section})
        ny, nx = services.instrument.sections[section].shape
        ra, dec = mapping.pixel_to_sky((nx - 1) / 2, (ny - 1) / 2)
        build_reference(
            services, filter=header.filter, position=(float(ra), float(dec)), reference_set="default"
        )
    services.store.database.close()


@pytest.fixture
def build_references() -> Callable[[Survey, Iterable[str]], None]:
    """Build references: ``build_references(survey, ["C1"])``."""
    return add_references


@pytest.fixture(scope="session")
def copy_to() -> Callable[[Survey, str, Path], Survey]:
    """Copy a survey: ``copy_to(survey, url, folder)``."""
    return _copied


@pytest.fixture
def copied(new_database_url: Callable[[str], str], tmp_path: Path) -> Callable[[Survey], Survey]:
    """Copy a survey to a database and a folder of its own: ``copied(referenced)``."""

    numbers = itertools.count(1)

    def copy(survey: Survey) -> Survey:
        name = f"survey_{next(numbers)}"
        return _copied(survey, new_database_url(name), tmp_path / name)

    return copy


@pytest.fixture
def database_kind() -> str:
    """SQLite, as far as it does not matter; tests of what a database does are parametrized with both."""
    return "sqlite"


@pytest.fixture
def survey(copied: Callable[[Survey], Survey], referenced: Survey) -> Survey:
    """A survey with calibration frames and references, to be worked on."""
    return copied(referenced)


@pytest.fixture
def new_exposure(survey_files: SurveyFiles) -> Path:
    """The first exposure after those of the reference."""
    return survey_files.new[0]


def _copied(survey: Survey, url: str, root: Path) -> Survey:
    """Copy everything but the reports of runs; files are linked, since none is ever changed in place."""
    if survey.root.exists():
        shutil.copytree(survey.root, root, copy_function=_link)
    with (
        closing(Database(survey.url)) as source,
        closing(Database(url)) as target,
        source.read() as reading,
        target.write() as writing,
    ):
        for table in Base.metadata.sorted_tables:
            rows = [dict(row) for row in reading.execute(select(table)).mappings()]
            if rows and table is not Report.__table__:
                writing.execute(insert(table), rows)
    return Survey(survey.files, url, root)


def _link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)


def _objects(measurements: list[Measurements]) -> list[list[str]]:
    """Return the measurements of each object, of those that belong together whatever their order.

    These are the ones that all lie within the radius of each other and of no other; where a chain of measurements is
    longer than that, the objects depend on which one was first.
    """
    ra, dec = (np.array([getattr(row, name) for row in measurements]) for name in ("ra", "dec"))
    east = (ra[:, None] - ra) * np.cos(np.radians(dec))
    near = np.hypot(east, dec[:, None] - dec) * 3600.0 <= _RADIUS_ARCSEC
    together = [bool((near[members] == members).all()) for members in near]
    groups: dict[Any, list[str]] = {}
    for row, kept in zip(measurements, together, strict=True):
        if kept:
            groups.setdefault(row.object_id, []).append(str(row.id))
    return sorted(sorted(members) for members in groups.values())


def _rows(session: Any, table: Any) -> list[dict[str, Any]]:
    columns = [column for column in table.columns if column.name not in _NOT_COMPARED]
    rows = session.execute(select(*columns)).mappings()
    return sorted((dict(row) for row in rows), key=lambda row: [str(value) for value in row.values()])
