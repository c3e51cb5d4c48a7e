from __future__ import annotations

import hashlib
import multiprocessing
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from sqlalchemy import insert, select

from seechange_core.api import ExposureHeader
from seechange_core.frames import (
    BackgroundModel,
    DecisionTable,
    DecisionTest,
    DetectionTable,
    Difference,
    Frame,
    MatchedStarTable,
    MeasurementTable,
    PhotometricSolution,
    PsfModel,
    ScoreTable,
    SkyMapping,
    SourceTable,
    Stamps,
    SurroundingsTable,
)
from seechange_core.models import Base, Completeness, Product
from seechange_core.params import content_id
from seechange_core.provenance import Provenance, product_id
from seechange_core.steps.association import AssociationParams, assign
from seechange_core.steps.object_names import object_name
from seechange_core.store import Database, FileStore, Store
from seechange_core.store.associations import AssociationRules
from seechange_core.store.record import Observation, ProductRecord

SHAPE = (80, 70)
#: Process, roles it needs, roles it makes, as the chain has them.
CHAIN = (
    ("preprocessing", ("exposure",), ("image",)),
    ("extraction", ("image",), ("background", "sources", "psf")),
    ("astrocal", ("image", "sources"), ("mapping", "matched_stars")),
    ("photocal", ("image", "sources", "mapping"), ("photometry",)),
    (
        "subtraction",
        ("image", "background", "sources", "psf", "mapping", "photometry", "reference"),
        ("difference", "aligned_reference"),
    ),
    ("detection", ("difference",), ("detections",)),
    ("cutting", ("image", "background", "difference", "aligned_reference", "detections"), ("stamps",)),
    (
        "measuring",
        (
            *("image", "psf", "aligned_reference", "difference", "detections", "stamps"),
            *("mapping", "photometry"),
        ),
        ("measurements", "decisions"),
    ),
    (
        "surroundings",
        ("image", "difference", "aligned_reference", "measurements", "mapping"),
        ("surroundings",),
    ),
    ("scoring", ("stamps", "measurements", "surroundings"), ("scores",)),
)
CALIBRATED = ("image", "background", "sources", "psf", "mapping", "photometry")


def table(kind: Any, n_rows: int, random: np.random.Generator, **columns: Any) -> Any:
    """A table whose declared columns hold arbitrary numbers, except those that are given."""
    values: dict[str, Any] = {}
    for name, (dtype, _, _) in kind.COLUMNS.items():
        values[name] = (
            random.uniform(0, 100, n_rows).astype(dtype) if dtype is not np.str_ else ["é"] * n_rows
        )
    return kind({**values, **columns}, {"calibrated": True, "limiting_flux_electron": 150.0})


def hand_made(seed: int, n_candidates: int = 3) -> dict[str, Any]:
    """Small products of every role; the pixels are noise."""
    random = np.random.default_rng(seed)
    sky = random.normal(300.0, 18.0, SHAPE).astype(np.float32)
    variance = np.full(SHAPE, 325.0, np.float32)
    mask = np.zeros(SHAPE, np.uint16)
    sky[3, 4], mask[3, 4] = np.nan, 64
    info = {"mjd": 60000.25, "exposure_s": 30.0, "filter": "r", "instrument": "simcam", "section": "A"}
    frame = Frame(sky, variance, mask, info, {"OBJECT": "field", "GAIN": 1.5})
    psf = PsfModel(random.normal(size=(1, 9, 9)).astype(np.float32), fwhm=2.5, n_stars=20)
    mesh = np.full((2, 2), 300.0, np.float32)
    size = 11
    mapping = SkyMapping((150.0, 2.0), (35.0, 40.0), np.diag([-1.0, 1.0]) / 3600.0, rms_mas=12.0, n_stars=9)
    x, y = random.uniform(10, 60, n_candidates), random.uniform(10, 60, n_candidates)
    ra, dec = mapping.pixel_to_sky(x, y)
    cubes = [random.normal(size=(n_candidates, size, size)).astype(np.float32) for _ in range(3)]
    noise = random.normal(size=SHAPE).astype(np.float32)
    corner = np.arange(n_candidates, dtype=np.int32)
    tests = [DecisionTest("dipole", "dipole_fraction", "above", 0.6, 0.9)]
    decisions = DecisionTable.of(
        {
            **{name: np.append(values, values[-1] + 9.0) for name, values in (("x", x), ("y", y))},
            **{name: np.append(values, values[-1]) for name, values in (("ra", ra), ("dec", dec))},
            "score": np.append(random.uniform(5, 50, n_candidates), -7.0),
            "dipole_fraction": np.append(np.linspace(0.0, 0.8, n_candidates), 0.95),
        },
        tests,
    )
    return {
        "image": frame,
        "background": BackgroundModel(mesh, mesh / 17, (64, 64), SHAPE, 300.0, 18.0),
        "sources": table(SourceTable, 30, random),
        "psf": psf,
        "mapping": mapping,
        "matched_stars": table(MatchedStarTable, 9, random),
        "photometry": PhotometricSolution(27.1, 0.002, 0.02, 40, "r", 0.03, "file"),
        "difference": Difference(noise * 18, variance, mask, psf, score=noise, metrics={"kappa": np.nan}),
        "aligned_reference": frame,
        "detections": table(DetectionTable, n_candidates, random, x=x, y=y),
        "stamps": Stamps(x, y, corner, corner, *cubes, np.zeros((n_candidates, size, size), np.uint16)),
        "measurements": table(
            MeasurementTable,
            n_candidates,
            random,
            x=x,
            y=y,
            ra=ra,
            dec=dec,
            mask=np.zeros(n_candidates),
            stamp=np.arange(n_candidates),
            position_error_arcsec=np.full(n_candidates, 0.1),
        ),
        "decisions": decisions,
        "surroundings": SurroundingsTable(
            table(SurroundingsTable, n_candidates, random), {"flux_unit": "nJy", "galaxies": "reference"}
        ),
        "scores": ScoreTable(
            {
                "row": np.arange(n_candidates),
                "scorer": ["rbscore"] * n_candidates,
                "version": ["1.0"] * n_candidates,
                "score": random.uniform(0, 1, n_candidates),
                "info": ['{"why":"é"}'] * n_candidates,
            }
        ),
    }


@dataclass
class Chain:
    """The processing of one section, saved step by step."""

    store: Store
    observation: Observation
    identities: dict[str, str]
    values: dict[str, Any]
    records: dict[str, ProductRecord] = field(default_factory=dict)

    def record(self, process: str, needs: tuple[str, ...], version: str = "1.0") -> ProductRecord:
        inputs = {role: self.identities[role] for role in needs}
        upstream = {role: record.provenance.id for role, record in self.records.items() if role in needs}
        provenance = Provenance(process, version, {"step": {"threshold": 5}, "components": {}}, upstream)
        place = self.observation.section or self.observation.sky_cell or ""
        identity = product_id(provenance.id, place, inputs)
        anchor = content_id({"provenance": provenance.id, "place": place, "inputs": inputs})
        return ProductRecord(identity, provenance, place, anchor, inputs, self.observation)

    def save(self, process: str, version: str = "1.0") -> ProductRecord:
        _, needs, makes = next(step for step in CHAIN if step[0] == process)
        return self.save_as(process, needs, makes, version)

    def save_as(
        self, process: str, needs: tuple[str, ...], makes: tuple[str, ...], version: str = "1.0"
    ) -> ProductRecord:
        record = self.record(process, needs, version).finished("", {"n": 1, "unknown": np.nan})
        outputs = {role: self.values[role] for role in makes}
        self.store.products.save(record, outputs, {role: self.values.get(role) for role in needs})
        self.identities |= dict.fromkeys(makes, record.product_id)
        self.records |= dict.fromkeys(makes, record)
        return record

    def save_through(self, last: str) -> None:
        for process, _, _ in CHAIN:
            self.save(process)
            if process == last:
                return


def observation(**changes: Any) -> Observation:
    fields = {"instrument": "simcam", "filter": "r", "mjd": 60000.25, "exposure_s": 30.0, **changes}
    return Observation(**fields)


def start(
    store: Store, folder: Path, name: str = "one", seed: int = 1, mjd: float = 60000.25, n_candidates: int = 3
) -> Chain:
    """Register an exposure and return the chain that begins with it."""
    raw = folder / f"{name}.fits"
    raw.write_bytes(hashlib.sha256(name.encode()).digest() * 90)
    header = ExposureHeader("science", mjd, 30.0, "r", 150.0, 2.0, ("A", "B"), info={"airmass": 1.2})
    exposure = store.exposures.register("simcam", header, [raw])
    seen = observation(exposure_id=exposure.id, section="A", mjd=mjd)
    return Chain(store, seen, {"exposure": exposure.identity}, hand_made(seed, n_candidates))


def build_reference(store: Store, members: list[Chain], reference_set: str = "default") -> str:
    """Save a coadd of calibrated images with all that is measured on it, and register it as a reference."""
    identities = {
        f"member_{number}_{role}": member.identities[role]
        for number, member in enumerate(members)
        for role in CALIBRATED
    }
    seen = observation(sky_cell="cell-1")
    coadd = Chain(store, seen, identities, hand_made(99))
    coadd.save_as("coaddition", tuple(identities), ("image",))
    for process, needs, makes in CHAIN[1:4]:
        coadd.save_as(process, needs, makes)
    record = coadd.record("referencing", CALIBRATED)
    return store.references.register(
        record, reference_set=reference_set, mapping=coadd.values["mapping"], shape=SHAPE
    )


@pytest.fixture
def rules() -> AssociationRules:
    """How measurements join objects by default."""
    params = AssociationParams()
    return AssociationRules(
        partial(assign, params=params), params.largest_radius_arcsec, partial(object_name, params.name_format)
    )


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Store:
    return Store(database, FileStore(tmp_path / "data"))


@pytest.fixture
def new_chain(store: Store, tmp_path: Path) -> Callable[..., Chain]:
    """Begin the processing of another exposure: ``new_chain("two", seed=2)``."""

    def begin(name: str = "one", **options: Any) -> Chain:
        return start(store, tmp_path, name, **options)

    return begin


@pytest.fixture
def fresh_chain(store: Store, tmp_path: Path) -> Chain:
    """A section with every product saved by this store, whose provenances it knows."""
    return _full_chain(store, tmp_path)


@dataclass(frozen=True)
class Kept:
    """A full chain, and copies of all that was saved of it."""

    chain: Chain
    rows: dict[Any, list[dict[str, Any]]]
    root: Path


@pytest.fixture(scope="session")
def kept_chains() -> dict[str, Kept]:
    """Full chains by the kind of their database, each put here by the first test that needs it."""
    return {}


@pytest.fixture
def full_chain(
    store: Store,
    database_kind: str,
    kept_chains: dict[str, Kept],
    tmp_path_factory: pytest.TempPathFactory,
) -> Chain:
    """The same as `fresh_chain`, but saved by another process as it were: copied from one that was saved before."""
    if database_kind not in kept_chains:
        folder = tmp_path_factory.mktemp("kept")
        chain = _full_chain(store, folder)
        shutil.copytree(store.files.root, folder / "data")
        with store.database.read() as session:
            rows = {
                table: [dict(row) for row in session.execute(select(table)).mappings()]
                for table in Base.metadata.sorted_tables
            }
        kept_chains[database_kind] = Kept(chain, rows, folder / "data")
    else:
        shutil.copytree(kept_chains[database_kind].root, store.files.root)
        with store.database.write() as session:
            for table, rows in kept_chains[database_kind].rows.items():
                if rows:
                    session.execute(insert(table), rows)
    kept = kept_chains[database_kind].chain
    fresh_store = Store(store.database, store.files)
    copies = {name: dict(getattr(kept, name)) for name in ("identities", "values", "records")}
    return replace(kept, store=fresh_store, **copies)


def _full_chain(store: Store, folder: Path) -> Chain:
    member = start(store, folder, "member", seed=7, mjd=59990.0)
    member.save_through("photocal")
    chain = start(store, folder, "new")
    chain.identities["reference"] = build_reference(store, [member])
    chain.save_through("scoring")
    return chain


@pytest.fixture
def with_completeness(store: Store) -> Callable[[UUID, float, float], None]:
    """What says of an image which magnitude half of the injected sources are found of, and 5 sigma of its noise."""

    def measured(image_id: UUID, magnitude50: float, noise_magnitude: float) -> None:
        with store.database.write() as session:
            product = session.get_one(Product, image_id)
            product.metrics = {**product.metrics, "difference_limiting_magnitude": noise_magnitude}
            row = Completeness(id=uuid4(), product_id=image_id, image_id=image_id, environment="sky")
            row.stage, row.n_fakes, row.n_found = "measured", 60, 30
            row.flux_unit, row.magnitude50, row.error50 = "nJy", magnitude50, 0.1
            session.add(row)

    return measured


_barrier: list[Any] = []


@pytest.fixture(scope="session")
def at_once() -> Iterator[Callable[..., list[Any]]]:
    """Call a function in two processes at the same moment: ``at_once(function, arguments, arguments)``.

    The arguments of each call are a tuple; an even number of calls, two at a time; gives what they return.
    """
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(2, _barrier_append, (spawn.Barrier(2),)) as pool:

        def call(function: Callable[..., Any], *calls: tuple[Any, ...]) -> list[Any]:
            started = [pool.apply_async(_together, (function, arguments)) for arguments in calls]
            return [result.get(timeout=60) for result in started]

        yield call


def _barrier_append(barrier: Any) -> None:
    _barrier.append(barrier)


def _together(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    _barrier[0].wait(60)
    return function(*arguments)


@pytest.fixture
def assert_same() -> Callable[[Any, Any], None]:
    """Two in-memory products hold the same types and, within the formats' rounding, the same numbers."""
    return _assert_same


def _assert_same(first: Any, second: Any) -> None:
    if isinstance(first, np.ndarray):
        assert first.dtype == second.dtype or first.dtype.kind == "U"
        if first.dtype.kind == "f":
            np.testing.assert_allclose(first, second, rtol=0, atol=1.2)
        else:
            np.testing.assert_array_equal(first, second)
    elif isinstance(first, Mapping):
        assert set(first) == set(second)
        for name in first:
            _assert_same(first[name], second[name])
    elif hasattr(first, "__dataclass_fields__"):
        assert type(first) is type(second)
        for name in first.__dataclass_fields__:
            _assert_same(getattr(first, name), getattr(second, name))
    else:
        np.testing.assert_equal(second, first)
