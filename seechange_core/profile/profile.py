"""A survey's configuration: read in layers, checked as a whole before anything runs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError

from seechange_core.errors import PluginError, ProfileError
from seechange_core.params import Slot
from seechange_core.profile.concealing import CONCEALED, concealed
from seechange_core.profile.conditions import Condition
from seechange_core.profile.layers import (
    Layer,
    assignments_layer,
    environment_layer,
    file_layer,
    leaves,
    merged,
    origins,
    yaml_layer,
)
from seechange_core.profile.model import ProcessSchema, nearest_key, profile_model
from seechange_core.profile.settings import DatabaseSettings, RunnerSettings, StorageSettings
from seechange_core.registry import Registry

Model = TypeVar("Model", bound=BaseModel)
DEFAULT_SOURCE = "default"
#: Environment variable that names the user's profile file.
PROFILE_VARIABLE = "SEECHANGE_CONFIG"


class InstrumentNotNamedError(ProfileError):
    """Nothing says which camera is meant."""


@dataclass(frozen=True)
class Branch:
    """What a process works with where a condition on earlier steps' metrics holds.

    Parameters
    ----------
    condition : Condition
        On the metrics of earlier steps.
    params : Params
        Of the process.
    components : mapping of str to tuple of Component
        By slot.
    """

    condition: Condition
    params: Any
    components: Mapping[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Profile:
    """A checked configuration.

    Parameters
    ----------
    model : pydantic model
        Every value, defaults included.
    registry : Registry
        Where its components come from.
    processes : tuple of ProcessSchema
        What it was checked against.
    layers : tuple of Layer
        What it was merged from, from weak to strong; `check_layers` makes the same profile of them elsewhere.
    sources : mapping
        Key path to the layer that set it; paths that no layer sets have their default.
    """

    model: BaseModel
    registry: Registry
    processes: tuple[ProcessSchema, ...]
    layers: tuple[Layer, ...]
    sources: Mapping[tuple[str, ...], str]

    @property
    def database(self) -> DatabaseSettings:
        """Where the database is."""
        return self.model.database  # type: ignore[attr-defined]

    @property
    def storage(self) -> StorageSettings:
        """Where files are."""
        return self.model.storage  # type: ignore[attr-defined]

    @property
    def runner(self) -> RunnerSettings:
        """How work is spread."""
        return self.model.runner  # type: ignore[attr-defined]

    def instrument(self) -> Any:
        """Make the camera that the profile names."""
        return self._components(self.model.instrument, Slot(kind="instrument"))[0]  # type: ignore[attr-defined]

    def parameters(self, process: str) -> Any:
        """Return the process's own parameters, an instance of its ``Params``."""
        return self._parameters(self._schema(process), getattr(self.model, process))

    def components(self, process: str) -> dict[str, tuple[Any, ...]]:
        """Make the components that the profile puts into a process's slots, by slot name."""
        return self._by_slot(self._schema(process), getattr(self.model, process))

    def branches(self, process: str) -> tuple[Branch, ...]:
        """Make what a process works with where conditions hold, in the order in which they are asked."""
        schema = self._schema(process)
        when = getattr(getattr(self.model, process), "when", {})
        return tuple(
            Branch(Condition.parse(text), self._parameters(schema, block), self._by_slot(schema, block))
            for text, block in when.items()
        )

    @staticmethod
    def _parameters(schema: ProcessSchema, block: BaseModel) -> Any:
        return schema.params.model_validate(
            {name: getattr(block, name) for name in schema.params.model_fields}
        )

    def _by_slot(self, schema: ProcessSchema, block: Any) -> dict[str, tuple[Any, ...]]:
        return {
            slot.name: self._components(getattr(block, slot.name) if slot.name else block, slot)
            for slot in schema.slots
        }

    def _components(self, block: Any, slot: Slot) -> tuple[Any, ...]:
        names = block.use if slot.many else [block.use] if block.use else []
        return tuple(
            self.registry.component(slot.kind, name, slot.stage)(getattr(block, name)) for name in names
        )

    def _schema(self, process: str) -> ProcessSchema:
        return next(schema for schema in self.processes if schema.process == process)

    def values(self) -> list[tuple[str, Any, str]]:
        """List (key path, value, source) of everything in use; secrets are masked, unused components left out."""
        found = []
        for path, value in leaves(self._used(self.model)):
            # A condition may hold a number with a point, which separates keys.
            key = ".".join(f'"{part}"' if "." in part else part for part in path)
            found.append((key, value, self.sources.get(path, DEFAULT_SOURCE)))
        return found

    def _used(self, block: BaseModel) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        use = getattr(block, "use", None)
        names = set(use if isinstance(use, list) else [use])
        for name in type(block).model_fields:
            value = getattr(block, name)
            if name == "when":
                branches = {condition: self._used(branch) for condition, branch in value.items()}
                shown |= (
                    {name: {text: _changed(used, shown) for text, used in branches.items()}} if value else {}
                )
                continue
            is_component = (
                hasattr(block, "use") and isinstance(value, BaseModel) and not hasattr(value, "use")
            )
            if is_component and name not in names:
                continue
            if isinstance(value, BaseModel):
                shown[name] = self._used(value)
            elif isinstance(value, dict):
                shown[name] = {key: _plain(inner) for key, inner in value.items()}
            elif isinstance(value, SecretStr):
                shown[name] = CONCEALED
            else:
                shown[name] = concealed(str(value)) if isinstance(value, str | Path) else value
        return shown


def _plain(value: Any) -> Any:
    """Return what is said of a parameter that is a block itself, such as a gate."""
    return value.model_dump(exclude_unset=True) if isinstance(value, BaseModel) else value


def _changed(values: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of nested values that differ from others."""
    changed: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and isinstance(base.get(name), Mapping):
            inner = _changed(value, base[name])
            changed |= {name: inner} if inner else {}
        elif value != base.get(name):
            changed[name] = value
    return changed


def load_profile(
    registry: Registry,
    processes: Sequence[ProcessSchema],
    *,
    file: Path | None = None,
    instrument: str = "",
    assignments: Sequence[str] = (),
    strongest: Sequence[Layer] = (),
    environment: Mapping[str, str] | None = None,
) -> Profile:
    """Read a profile in layers and check it.

    From weak to strong: the core's defaults, the instrument's packaged profile, the user's file, the environment,
    assignments, and what the caller gives.

    Parameters
    ----------
    registry : Registry
        Installed components.
    processes : sequence of ProcessSchema
        The chain.
    file : Path, optional
        The user's profile; by default what ``SEECHANGE_CONFIG`` names, if anything.
    instrument : str, optional
        Name of the camera; by default as the other layers say.
    assignments : sequence of str
        ``key.path=value``.
    strongest : sequence of Layer
        Further layers, from weak to strong.
    environment : mapping, optional
        Instead of the process's own.

    Raises
    ------
    ProfileError
        With all problems at once, each with source, key path and the nearest valid key.
    """
    core = yaml_layer(resources.files(__package__).joinpath("core.yaml").read_text("utf-8"), DEFAULT_SOURCE)
    strong = [*user_layers(file, assignments, environment), *strongest]
    if instrument:
        strong.append(Layer("--instrument", {"instrument": {"use": instrument}}))
    packaged = _packaged_layer(registry, _instrument_name(merged([core, *strong])))
    return check_layers(registry, processes, [core, packaged, *strong])


def user_layers(
    file: Path | None = None, assignments: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> list[Layer]:
    """Read what the user says, from weak to strong: file, environment, assignments; see `load_profile`."""
    environment = os.environ if environment is None else environment
    if file is None and environment.get(PROFILE_VARIABLE):
        file = Path(environment[PROFILE_VARIABLE])
    layers = [environment_layer(environment), assignments_layer(assignments)]
    return layers if file is None else [file_layer(file), *layers]


def check_layers(registry: Registry, processes: Sequence[ProcessSchema], layers: Sequence[Layer]) -> Profile:
    """Merge layers, from weak to strong, and check the result; see `load_profile`."""
    model = profile_model(registry, processes)
    checked = validated(model, layers)
    return Profile(checked, registry, tuple(processes), tuple(layers), origins(layers))


def validated(model: type[Model], layers: Sequence[Layer]) -> Model:
    """Merge layers and read them as a model.

    Raises
    ------
    ProfileError
        With all problems at once.
    """
    try:
        return model.model_validate(merged(layers))
    except ValidationError as error:
        raise ProfileError([_problem(model, detail, layers) for detail in error.errors()]) from error


def _packaged_layer(registry: Registry, instrument: str) -> Layer:
    if not instrument:
        installed = ", ".join(registry.components("instrument"))
        raise InstrumentNotNamedError(
            [
                f"no instrument is named: give --instrument, or instrument.use in a profile; installed: {installed}"
            ]
        )
    try:
        text = registry.component("instrument", instrument).default_profile()
    except PluginError as error:
        raise ProfileError([f"instrument.use: {error}"]) from error
    return yaml_layer(text, f"profile of {instrument}")


def _instrument_name(values: Mapping[str, Any]) -> str:
    block = values.get("instrument")
    return str(block.get("use") or "") if isinstance(block, Mapping) else str(block or "")


def _problem(model: type[BaseModel], detail: Any, layers: Sequence[Layer]) -> str:
    path = tuple(str(part) for part in detail["loc"] if part != "[key]")
    key = ".".join(path)
    source = next((layer.source for layer in reversed(layers) if _sets(layer, path)), DEFAULT_SOURCE)
    if detail["type"] == "missing":
        return f"{key}: a value must be given, in a profile or with --set {key}=VALUE"
    if detail["type"] == "extra_forbidden":
        near = nearest_key(model, path)
        message = f"{key}: there is no such key" + (f" (did you mean {near}?)" if near else "")
    elif detail["type"] == "model_type":
        message = f"{key}: expected a block of keys below it, not {detail['input']!r}"
    else:
        message = f"{key}: {detail['msg'].removeprefix('Value error, ')}"
        if detail["type"] != "value_error" and "password" not in key:
            message += f", not {detail['input']!r}"
    return f"{concealed(message)}\n  in {source}, key {key}"


def _sets(layer: Layer, path: tuple[str, ...]) -> bool:
    """Tell whether a layer says anything at a key path, or at the innermost block above it that is no mapping."""
    values: Any = layer.values
    for part in path:
        if not isinstance(values, Mapping):
            return True
        if part not in values:
            return False
        values = values[part]
    return True
