"""Finds plugins, keeps broken ones apart, and looks components up by kind and name."""

from __future__ import annotations

import difflib
import inspect
import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Any

import pluggy

from seechange_core import hookspecs
from seechange_core.api import (
    API_VERSION,
    Calibrator,
    Component,
    Instrument,
    Params,
    Scorer,
    StarCatalog,
    Subtractor,
)
from seechange_core.errors import PluginError, UnknownComponentError

if TYPE_CHECKING:
    import click

ENTRY_POINT_GROUP = "seechange"
#: Hook that registers each kind of component.
REGISTERING_HOOKS = {
    "instrument": "register_instruments",
    "calibrator": "register_calibrators",
    "subtractor": "register_subtractors",
    "scorer": "register_scorers",
    "catalog": "register_catalogs",
}
_BASES: dict[str, type[Component]] = {
    "instrument": Instrument,
    "calibrator": Calibrator,
    "subtractor": Subtractor,
    "scorer": Scorer,
    "catalog": StarCatalog,
}
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_VERSION = re.compile(r"\d+\.\d+")

logger = logging.getLogger(__name__)


@dataclass
class PluginStatus:
    """What `seechange plugins` says of one entry point.

    Parameters
    ----------
    package, package_version : str
        The distribution that declares it.
    entry_point : str
        Its name in the group ``seechange``.
    hooks : tuple of str
        Hooks that it implements.
    components : dict of str to list of str
        Names by kind.
    error : str
        Why it, or a part of it, is not available; empty if all is well.
    """

    package: str
    package_version: str
    entry_point: str
    hooks: tuple[str, ...] = ()
    components: dict[str, list[str]] = field(default_factory=dict)
    error: str = ""

    @property
    def key(self) -> str:
        """Distribution and entry point: unique where names of entry points are not."""
        return f"{self.package}:{self.entry_point}"


class Registry:
    """The installed plugins and their components.

    Parameters
    ----------
    entry_points : iterable of EntryPoint, optional
        By default those that are installed; an empty one makes a registry for tests, to be filled by `add`.
    """

    def __init__(self, entry_points: Iterable[metadata.EntryPoint] | None = None) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        #: By kind, stage (of calibrators) and name.
        self._components: dict[tuple[str, str, str], tuple[type[Component], PluginStatus]] = {}
        self._conflicts: dict[tuple[str, str, str], str] = {}
        self.plugins: list[PluginStatus] = []
        found = metadata.entry_points(group=ENTRY_POINT_GROUP) if entry_points is None else entry_points
        # One by one: pluggy's own loader stops at the first failure and drops the second of two equal names.
        for entry_point in sorted(found, key=lambda e: (e.dist.name if e.dist else "", e.name)):
            package = entry_point.dist.name if entry_point.dist else "unknown"
            version = entry_point.dist.version if entry_point.dist else ""
            status = PluginStatus(package, version, entry_point.name)
            try:
                plugin = entry_point.load()
            except (Exception, SystemExit) as error:
                status.error = f"cannot be imported: {type(error).__name__}: {error}"
                self.plugins.append(status)
                continue
            self._register(plugin, status)

    def add(self, plugin: Any, package: str = "test", entry_point: str = "plugin") -> PluginStatus:
        """Register a module or object with hook implementations, as if a package had declared it."""
        return self._register(plugin, PluginStatus(package, "", entry_point))

    def _register(self, plugin: Any, status: PluginStatus) -> PluginStatus:
        self.plugins.append(status)
        try:
            self._manager.register(plugin, name=status.key)
        except (ValueError, pluggy.PluginValidationError) as error:
            status.error = str(error).replace("\n", "; ")
            return status
        callers = self._manager.get_hookcallers(plugin) or []
        status.hooks = tuple(sorted(caller.name for caller in callers))
        unknown = [caller.name for caller in callers if not caller.has_spec()]
        if unknown:
            known = [
                name for name in dir(self._manager.hook) if not name.startswith("_") and name not in unknown
            ]
            near = [match for name in unknown for match in difflib.get_close_matches(name, known, 1)]
            hint = f" (did you mean {', '.join(near)}?)" if near else ""
            status.error = f"unknown hook {', '.join(unknown)}{hint}"
            self._manager.unregister(plugin)
            return status
        for kind, hook in REGISTERING_HOOKS.items():
            for implementation in getattr(self._manager.hook, hook).get_hookimpls():
                if implementation.plugin is plugin:
                    self._collect(kind, implementation.function, status)
        return status

    def _collect(self, kind: str, register: Any, status: PluginStatus) -> None:
        try:
            classes = list(register())
        except Exception as error:
            _append_error(status, f"{REGISTERING_HOOKS[kind]} raised {type(error).__name__}: {error}")
            return
        for component in classes:
            problem = contract_problem(component, kind)
            if problem:
                _append_error(status, problem)
                continue
            key = (kind, str(getattr(component, "stage", "")), component.name)
            if key in self._components or key in self._conflicts:
                self._conflict(key, status)
                continue
            self._components[key] = (component, status)
            names = status.components.setdefault(kind, [])
            if component.name not in names:
                names.append(component.name)

    def _conflict(self, key: tuple[str, str, str], status: PluginStatus) -> None:
        kind, _, name = key
        message = self._conflicts.get(key)
        if message is None:
            _, first = self._components.pop(key)
            if not any(
                key[::2] == (kind, name) and its is first for key, (_, its) in self._components.items()
            ):
                first.components[kind].remove(name)
            message = f"two packages provide the {kind} {name!r}: {first.package} and {status.package}; uninstall one"
            self._conflicts[key] = message
            _append_error(first, message)
        if message not in status.error:
            _append_error(status, message)

    def component(self, kind: str, name: str, stage: str = "") -> type[Any]:
        """Look a component class up.

        Parameters
        ----------
        kind, name : str
            What it is and what a profile calls it.
        stage : str
            Of a calibrator; may be left out where calibrators of one stage only have the name.

        Raises
        ------
        PluginError
            If two packages claim the name, or two stages have it and none is given.
        UnknownComponentError
            If none has it; lists what is installed, what is near, and which plugins are broken.
        """
        conflict = self._conflict_of(stage or kind, name)
        if conflict:
            raise PluginError(conflict)
        found = self._found(kind, name, stage)
        if not found:
            raise UnknownComponentError(
                self.unknown_component_message(stage or kind, name, sorted(self.components(kind, stage)))
            )
        if len(found) > 1:
            stages = " and ".join(its_stage for _, its_stage, _ in found)
            raise PluginError(f"{kind}s of the stages {stages} are called {name!r}: say which is meant")
        return self._components[found[0]][0]

    def _found(self, kind: str, name: str, stage: str) -> list[tuple[str, str, str]]:
        keys = sorted(self._components)
        return [key for key in keys if key[::2] == (kind, name) and stage in ("", key[1])]

    def _conflict_of(self, kind_or_stage: str, name: str) -> str:
        messages = (
            text
            for (kind, stage, its_name), text in self._conflicts.items()
            if its_name == name and kind_or_stage in (kind, stage)
        )
        return next(messages, "")

    def unknown_component_message(self, kind: str, name: str, installed: list[str]) -> str:
        """Say that a component of a kind or stage is not there, what is, and what may be broken."""
        conflict = self._conflict_of(kind, name)
        if conflict:
            return conflict
        near = difflib.get_close_matches(name, installed, 1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        broken = [f"{status.package} {status.error}" for status in self.plugins if status.error]
        trouble = f"; not available: {'; '.join(broken)}" if broken else ""
        there = ", ".join(installed) or f"none; install a package that provides a {kind}"
        return f"no {kind} is called {name!r}; installed: {there}{hint}{trouble}"

    def components(self, kind: str, stage: str = "") -> dict[str, type[Any]]:
        """Return the component classes of a kind by name; of calibrators those of a stage, which alone are unique."""
        return {
            name: component
            for (its_kind, its_stage, name), (component, _) in sorted(self._components.items())
            if its_kind == kind and stage in ("", its_stage)
        }

    def all_components(self) -> list[type[Any]]:
        """Return the classes of all components that are installed, in the order of kind, stage and name."""
        return [component for _, (component, _) in sorted(self._components.items())]

    def package_of(self, kind: str, name: str, stage: str = "") -> tuple[str, str]:
        """Return name and version of the package that provides a component."""
        status = self._components[self._found(kind, name, stage)[0]][1]
        return status.package, status.package_version

    def add_commands(self, cli: click.Group) -> None:
        """Let plugins add their commands; one that fails is logged and left out."""
        for _ in self._each("register_commands", cli=cli):
            pass

    def notify(self, hook: str, **arguments: Any) -> None:
        """Call the observers of a hook; what they raise is logged, never passed on."""
        for _ in self._each(hook, **arguments):
            pass

    def _each(self, hook: str, **arguments: Any) -> Iterator[Any]:
        for implementation in getattr(self._manager.hook, hook).get_hookimpls():
            wanted = {name: arguments[name] for name in implementation.argnames}
            try:
                yield implementation.function(**wanted)
            except Exception:
                logger.exception("%s of the plugin %s failed", hook, implementation.plugin_name)


def _append_error(status: PluginStatus, message: str) -> None:
    status.error = f"{status.error}; {message}" if status.error else message


def contract_problem(component: Any, kind: str) -> str:
    """Say what is wrong with a component class, in one sentence; empty if nothing is."""
    base = _BASES[kind]
    if not _is_subclass(component, base):
        return f"{component!r} is no subclass of {base.__name__}"
    label = f"{kind} {component.name or component.__name__!r}"
    if inspect.isabstract(component):
        return f"{label} does not implement {', '.join(sorted(component.__abstractmethods__))}"
    if kind == "calibrator" and not component.stage:
        return f"{label} has no stage; derive it from Detrender or another of the classes of a stage"
    if not isinstance(component.name, str) or not _NAME.fullmatch(component.name):
        return f"{label}: the name must be lower case letters, digits and underscores"
    if not isinstance(component.version, str) or not _VERSION.fullmatch(component.version):
        return f"{label}: the version {component.version!r} is not 'major.minor'"
    if component.api != API_VERSION:
        return f"{label} was written for api {component.api}; this core speaks {API_VERSION}: upgrade the older of both"
    if not _is_subclass(component.Params, Params):
        return f"{label}: its Params is no subclass of seechange_core.api.Params"
    undocumented = [name for name, info in component.Params.model_fields.items() if not info.description]
    if undocumented:
        return f"{label}: the parameters {', '.join(undocumented)} have no description"
    return ""


def _is_subclass(candidate: Any, base: type) -> bool:
    return inspect.isclass(candidate) and issubclass(candidate, base)
