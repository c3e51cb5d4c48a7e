"""What a component's parameters were when its version was given, kept in a file beside its tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from seechange_core.api import Component, Params

Schema = dict[str, dict[str, Any]]


def parameter_schema(params: type[Params]) -> Schema:
    """Return what decides which values a profile may give: type, default, bounds, unit; not the descriptions."""
    return {name: _entry(info) for name, info in params.model_fields.items()}


def _entry(info: FieldInfo) -> dict[str, Any]:
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    entry = {
        "type": getattr(info.annotation, "__name__", "")
        if isinstance(info.annotation, type)
        else str(info.annotation).replace("typing.", ""),
        "bounds": sorted(repr(bound) for bound in info.metadata),
        "unit": extra.get("unit", ""),
        "critical": extra.get("critical", True),
    }
    if not info.is_required():
        entry["default"] = TypeAdapter(Any).dump_python(info.get_default(), mode="json")
    if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
        entry["fields"] = {name: _entry(inner) for name, inner in info.annotation.model_fields.items()}
    return entry


def stored_path(folder: Path, component: type[Component]) -> Path:
    """Return the file that keeps a component's schema."""
    stage = getattr(component, "stage", "")
    return folder / f"{'_'.join(filter(None, (component.kind, stage, component.name)))}.json"


def store(path: Path, component: type[Component]) -> None:
    """Write the schema of the component's present version.

    Raises
    ------
    ValueError
        If the parameters differ from those that are stored for the same version.
    """
    if path.is_file():
        stored = json.loads(path.read_text("utf-8"))
        if stored["version"] == component.version and stored["parameters"] != _current(component):
            raise ValueError(
                f"{path.name} holds other parameters of version {component.version}; raise the version first"
            )
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"version": component.version, "parameters": _current(component)}
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", "utf-8")


def difference(path: Path, component: type[Component]) -> str:
    """Say how the component differs from what is stored; empty if it does not."""
    if not path.is_file():
        return f"there is no {path}"
    stored = json.loads(path.read_text("utf-8"))
    old, new = stored["parameters"], _current(component)
    changed = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    if changed and stored["version"] == component.version:
        return f"parameters changed within version {component.version}: {', '.join(changed)}"
    if stored["version"] != component.version:
        return f"{path.name} is of version {stored['version']}, the component of {component.version}"
    return ""


def _current(component: type[Component]) -> Schema:
    """Return the schema as it is after a turn through JSON."""
    schema: Schema = json.loads(json.dumps(parameter_schema(component.Params)))
    return schema
