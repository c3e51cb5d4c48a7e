"""The layers of a profile, from the weakest to the strongest, and how they merge."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from seechange_core.errors import ProfileError

ENVIRONMENT_PREFIX = "SEECHANGE__"


@dataclass(frozen=True)
class Layer:
    """Values from one source.

    Parameters
    ----------
    source : str
        As people know it: a file's path, ``environment``, ``--set``.
    values : mapping
        Nested blocks.
    """

    source: str
    values: Mapping[str, Any]


class _LayerSource(PydanticBaseSettingsSource):
    """Hands one layer to pydantic-settings, which merges the layers key by key."""

    def __init__(self, settings_class: type[BaseSettings], layer: Layer) -> None:
        super().__init__(settings_class)
        self._layer = layer

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return self._layer.values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return dict(self._layer.values)


def yaml_layer(text: str, source: str) -> Layer:
    """Read a layer from YAML text.

    Raises
    ------
    ProfileError
        If the text is no YAML, or no mapping of blocks.
    """
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        what = getattr(error, "problem", None) or " ".join(str(error).split())
        raise ProfileError([f"{source}{where} is not valid YAML: {what}"]) from error
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise ProfileError([f"{source} must be a mapping of blocks, such as 'detection: {{threshold: 5}}'"])
    odd = [key for key in values if not isinstance(key, str)]
    if odd:
        raise ProfileError(
            [f"{source}: {odd[0]!r} cannot name a block; YAML takes no, off and 1 for other than text"]
        )
    return Layer(source, values)


def file_layer(path: Path) -> Layer:
    """Read a layer from a YAML file; a named file that is missing is an error."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ProfileError([f"the profile {path} does not exist; see 'seechange profile list'"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError([f"the profile {path} cannot be read: {error}"]) from error
    return yaml_layer(text, str(path))


def environment_layer(environment: Mapping[str, str] | None = None) -> Layer:
    """Collect ``SEECHANGE__BLOCK__KEY=value``; values are read as YAML, so lists and numbers work."""
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    for name in sorted(environment):
        if name.upper().startswith(ENVIRONMENT_PREFIX):
            path = name[len(ENVIRONMENT_PREFIX) :].lower().split("__")
            _place(values, path, _scalar(environment[name], f"environment variable {name}"))
    return Layer("environment", values)


def assignments_layer(assignments: Sequence[str]) -> Layer:
    """Read ``--set block.key=value`` options.

    Raises
    ------
    ProfileError
        If one has no ``=``.
    """
    values: dict[str, Any] = {}
    incomplete = [text for text in assignments if "=" not in text]
    if incomplete:
        raise ProfileError(
            [f"--set {text}: expected KEY=VALUE, such as detection.threshold=5.5" for text in incomplete]
        )
    for text in assignments:
        key, value = text.split("=", 1)
        _place(values, key.strip().split("."), _scalar(value, f"--set {key}"))
    return Layer("--set", values)


def _scalar(text: str, source: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise ProfileError([f"{source}: {text!r} is not a valid YAML value; quote it"]) from None


def _place(values: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for part in path[:-1]:
        inner = values.setdefault(part, {})
        if not isinstance(inner, dict):
            inner = values[part] = {}
        values = inner
    values[path[-1]] = value


def merged(layers: Sequence[Layer]) -> dict[str, Any]:
    """Merge layers key by key, later ones winning; lists replace.

    pydantic-settings does the merging, with every layer as one of its sources.
    """

    class _Merging(BaseSettings):
        model_config = {"extra": "allow"}

        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *_: Any, **__: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return tuple(_LayerSource(settings_cls, layer) for layer in reversed(layers))

    return _Merging().model_dump()


def leaves(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Walk the values of nested blocks with their key paths; lists are values."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*path, str(key)))
        else:
            yield (*path, str(key)), value


def origins(layers: Sequence[Layer]) -> dict[tuple[str, ...], str]:
    """Return for each key path that any layer sets the source of the layer that wins."""
    return {path: layer.source for layer in layers for path, _ in leaves(layer.values)}
