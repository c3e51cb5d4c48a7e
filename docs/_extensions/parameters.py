"""The parameters of a profile as text, from the classes that declare them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from restructured_text import list_table, section

from seechange_core.params import Slot
from seechange_core.pipeline import process_schemas
from seechange_core.profile import ProcessSchema
from seechange_core.profile.parameter_texts import bounds_of, unit_of
from seechange_core.profile.settings import DatabaseSettings, RunnerSettings, StorageSettings
from seechange_core.registry import Registry


def parameter_sections() -> str:
    """Describe every block of a profile: settings, camera, processes, and the components that are installed."""
    registry = Registry()
    settings = {"database": DatabaseSettings, "storage": StorageSettings, "runner": RunnerSettings}
    parts = [section(f"``{name}``", _fields(model)) for name, model in settings.items()]
    camera = ProcessSchema("instrument", BaseModel, (Slot(kind="instrument"),))  # type: ignore[arg-type]
    for schema in (camera, *process_schemas()):
        text = "\n".join([_fields(schema.params), *_slots(schema, registry)])
        parts.append(section(f"``{schema.process}``", text))
    return "\n".join(parts)


def _slots(schema: ProcessSchema, registry: Registry) -> Iterator[str]:
    for slot in schema.slots:
        block = f"{schema.process}.{slot.name}" if slot.name else schema.process
        installed = registry.components(slot.kind, slot.stage)
        what = f"names of {slot.kind}s, in order" if slot.many else f"name of the {slot.kind}"
        what += ", or nothing" if slot.optional else ""
        yield f"``{block}.use``: {what}; installed: {', '.join(f'``{name}``' for name in installed)}\n"
        for name, component in installed.items():
            about = (component.__doc__ or "").strip().splitlines()[0]
            package, _ = registry.package_of(slot.kind, name, slot.stage)
            text = f"{about} (version {component.version}, {package})\n\n{_fields(component.Params)}"
            yield section(f"``{block}.{name}``", text, "~")


def _fields(model: type[BaseModel]) -> str:
    rows = [
        (f"``{name}``", _default(info), _limits(info), info.description or "")
        for name, info in model.model_fields.items()
    ]
    return list_table(("parameter", "default", "unit and bounds", "meaning"), rows)


def _default(info: FieldInfo) -> str:
    if info.default is PydanticUndefined:
        return "(must be given)" if info.default_factory is None else ""
    value = _plain(info.default)
    return "" if value in (None, "", {}, []) else f"``{json.dumps(value, ensure_ascii=False)}``"


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return list(value) if isinstance(value, tuple) else value if _is_json(value) else str(value)


def _is_json(value: Any) -> bool:
    return value is None or isinstance(value, str | bool | int | float | list | dict)


def _limits(info: FieldInfo) -> str:
    bounds = bounds_of(info)
    if "Literal" in str(info.annotation):
        bounds = [", ".join(f"``{choice}``" for choice in bounds)]
    return "; ".join([*filter(None, [unit_of(info)]), *bounds])
