"""Whether a machine and a profile are ready to work."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from seechange_core.api import CatalogRegion
from seechange_core.errors import MissingInput, ProfileError, SeeChangeError
from seechange_core.profile import InstrumentNotNamedError, Locations, Profile
from seechange_core.registry import Registry
from seechange_core.runner.code_version import package_versions
from seechange_core.runner.resources import n_cores
from seechange_core.runner.services import open_store
from seechange_core.store import migrations

OK, WARNING, PROBLEM = "ok", "warning", "problem"
#: What a worker holds with a section of 2048 x 4096 pixels (docs/performance.md), with some room.
_MEMORY_PER_JOB_GB = 1.0
_SCARCE_GB, _LITTLE_GB = 1.0, 20.0
_CATALOG_TIMEOUT_S = 15.0
#: A few dozen stars, wherever a catalogue covers the whole sky.
_SMALL_REGION = CatalogRegion(ra_deg=150.0, dec_deg=2.0, radius_deg=0.05, magnitude_limit=18.0)
_CATALOGS = ("astrocal", "photocal")


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Parameters
    ----------
    subject : str
        What was looked at.
    state : str
        ``ok``, ``warning`` or ``problem``.
    message : str
        What was found.
    remedy : str
        What to do; empty where all is well.
    """

    subject: str
    state: str
    message: str
    remedy: str = ""


def diagnose(
    read_profile: Callable[[], Profile], read_locations: Callable[[], Locations], *, offline: bool
) -> Iterator[Finding]:
    """Check everything that a run needs, and yield what is found as it is found.

    Parameters
    ----------
    read_profile : callable
        Reads the profile, or raises `ProfileError`.
    read_locations : callable
        Reads where the data are, without a camera, or raises `ProfileError`.
    offline : bool
        Do not ask star catalogues.
    """
    registry = Registry()
    versions = package_versions(registry)
    yield Finding("Python", OK, f"{platform.python_version()} on {platform.platform(terse=True)}")
    yield Finding("versions", OK, ", ".join(f"{name} {version}" for name, version in versions.items()))
    yield from _plugins(registry)
    try:
        profile = read_profile()
    except ProfileError as error:
        yield _unusable(error)
        with suppress(ProfileError):
            locations = read_locations()
            yield from _database(locations)
            yield from _folders(locations)
        return
    yield Finding("profile", OK, f"camera {profile.instrument().name}")
    yield from _database(profile)
    yield from _folders(profile)
    yield from _machine(profile)
    if not offline:
        yield from _catalogs(profile)


def _unusable(error: ProfileError) -> Finding:
    if isinstance(error, InstrumentNotNamedError):
        remedy = "only the machine was checked; --instrument simcam, or --profile FILE, checks a camera too"
        return Finding("profile", WARNING, str(error), remedy)
    remedy = "correct it; 'seechange profile new' writes one to start from"
    return Finding("profile", PROBLEM, str(error), remedy)


def _plugins(registry: Registry) -> Iterator[Finding]:
    for plugin in registry.plugins:
        if plugin.error:
            remedy = f"update or uninstall {plugin.package}; without it the rest works"
            yield Finding(f"plugin {plugin.package}", PROBLEM, plugin.error, remedy)
    working = sum(not plugin.error for plugin in registry.plugins)
    yield Finding("plugins", OK, f"{working} work; 'seechange plugins' lists what they provide")


def _database(profile: Profile | Locations) -> Iterator[Finding]:
    if not profile.database.url and not profile.storage.root.exists():
        yield Finding("database", OK, "SQLite, made in the data folder at first use")
        return
    try:
        database = open_store(profile).database
        revision, needed = database.revision(), migrations.head()
    except SeeChangeError as error:
        yield Finding("database", PROBLEM, str(error), "see database.url in the profile")
        return
    if revision == needed:
        yield Finding("database", OK, f"{database.name}, tables of revision {revision}")
    elif revision is None and database.url.drivername.startswith("sqlite"):
        yield Finding("database", OK, f"{database.name}, made at first use")
    elif revision is None:
        yield Finding("database", WARNING, f"{database.name} has no tables yet", "run 'seechange db upgrade'")
    else:
        message = f"{database.name} has tables of revision {revision}, this version needs {needed}"
        yield Finding("database", PROBLEM, message, "run 'seechange db upgrade'")


def _folders(profile: Profile | Locations) -> Iterator[Finding]:
    folders = {"storage.root": profile.storage.root, "storage.archive": profile.storage.archive}
    for key, folder in folders.items():
        if folder is None:
            continue
        path = folder.expanduser().absolute()
        existing = next(one for one in (path, *path.parents) if one.exists())
        try:
            with tempfile.TemporaryFile(dir=existing):
                free_gb = shutil.disk_usage(existing).free / 1e9
        except OSError as error:
            remedy = f"make it writable, or name another folder with --set {key}=FOLDER"
            yield Finding(key, PROBLEM, f"{path} cannot be written: {error.strerror}", remedy)
            continue
        message = f"{path}{'' if path.exists() else ' (will be made)'}, {free_gb:.1f} GB free"
        state = PROBLEM if free_gb < _SCARCE_GB else WARNING if free_gb < _LITTLE_GB else OK
        yield Finding(key, state, message, "" if state == OK else "make room, or name another folder")


def _machine(profile: Profile) -> Iterator[Finding]:
    cores = n_cores()
    jobs = profile.runner.jobs or cores
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    needed_gb = jobs * _MEMORY_PER_JOB_GB
    message = f"{cores} cores, {memory_gb:.1f} GB of memory; {jobs} sections at the same time"
    if needed_gb > memory_gb:
        fitting = max(1, int(memory_gb / _MEMORY_PER_JOB_GB))
        remedy = f"a section of 2048 x 4096 pixels needs up to {_MEMORY_PER_JOB_GB:g} GB: set runner.jobs={fitting}"
        yield Finding("machine", WARNING, message, remedy)
    elif jobs > cores:
        yield Finding("machine", WARNING, message, f"more than cores brings nothing: set runner.jobs={cores}")
    else:
        yield Finding("machine", OK, message)


def _catalogs(profile: Profile) -> Iterator[Finding]:
    asked: set[str] = set()
    for process in _CATALOGS:
        for catalog in profile.components(process).get("catalog", ()):
            if catalog.name in asked:
                continue
            asked.add(catalog.name)
            subject = f"catalogue {catalog.name}"
            try:
                with _timeout(_CATALOG_TIMEOUT_S):
                    n_stars = catalog.fetch(_SMALL_REGION).n_rows
            except (SeeChangeError, MissingInput) as error:
                remedy = f"see {process}.catalog in the profile; catalogues can be local files (docs: star catalogues)"
                yield Finding(subject, PROBLEM, str(error), remedy)
            else:
                yield Finding(subject, OK, f"answers; {n_stars} stars in a test region")


@contextmanager
def _timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
