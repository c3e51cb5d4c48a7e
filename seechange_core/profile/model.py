"""The shape of a profile, built from the steps of the chain and the components that are installed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model, model_validator

from seechange_core.api import NoParams
from seechange_core.params import Params, Slot
from seechange_core.profile.conditions import Condition
from seechange_core.profile.settings import DatabaseSettings, RunnerSettings, StorageSettings
from seechange_core.registry import Registry

#: The block of the camera.
INSTRUMENT_SLOT = Slot(kind="instrument", name="instrument")


@dataclass(frozen=True)
class ProcessSchema:
    """What the profile may say about one process.

    Parameters
    ----------
    process : str
        Key of its block.
    params : type of Params
        Its own parameters.
    slots : tuple of Slot
        Where it takes components.
    measured : tuple of str
        What earlier steps measure, which conditions may name; without any the process has no conditions.
    """

    process: str
    params: type[Params]
    slots: tuple[Slot, ...] = ()
    measured: tuple[str, ...] = ()


def profile_model(registry: Registry, processes: Sequence[ProcessSchema]) -> type[BaseModel]:
    """Build the pydantic model of a whole profile: all processes, all components that could fill their slots."""
    fields: dict[str, Any] = {
        "instrument": _block_field(
            "instrument", NoParams, (Slot(kind="instrument"),), registry, "The camera"
        ),
        "database": (DatabaseSettings, Field(DatabaseSettings(), description="Where the database is")),
        "storage": (StorageSettings, Field(StorageSettings(), description="Where files are")),
        "runner": (RunnerSettings, Field(RunnerSettings(), description="How work is spread")),
    }
    for schema in processes:
        about = f"The process {schema.process}"
        block = _block_field(schema.process, schema.params, schema.slots, registry, about)
        fields[schema.process] = _with_branches(schema, block) if schema.measured else block
    return create_model("Profile", __config__=ConfigDict(extra="forbid", frozen=True), **fields)


class _ComponentBlock(BaseModel):
    """A block that names components and holds their parameters."""

    @model_validator(mode="before")
    @classmethod
    def _used_are_complete(cls, values: Any) -> Any:
        """Give every component that is used its block, so that a required value that is missing is missed there."""
        if not isinstance(values, Mapping):
            return values
        use = values.get("use")
        used = use if isinstance(use, list) else [use]
        return {**{name: {} for name in cls.model_fields if name in used}, **values}


def _block_field(
    name: str, params: type[Params], slots: Sequence[Slot], registry: Registry, about: str
) -> tuple[type[BaseModel], Any]:
    fields: dict[str, Any] = {}
    for slot in slots:
        if slot.name:
            title = f"{name}_{slot.name}"
            own = replace(slot, name="")
            description = f"Which {slot.stage or slot.kind} to use, and its parameters"
            fields[slot.name] = _block_field(title, NoParams, (own,), registry, description)
            continue
        installed = registry.components(slot.kind, slot.stage)
        fields["use"] = _use_field(slot, installed, registry)
        for component_name, component in installed.items():
            fields[component_name] = (
                component.Params,
                Field(
                    # Of a component that is not used nothing need be said: required values may be missing.
                    default_factory=component.Params.model_construct,
                    description=f"Parameters of the {slot.kind} {component_name}",
                ),
            )
    bases = (_ComponentBlock, params) if "use" in fields else params
    model: type[BaseModel] = create_model(name, __base__=bases, **fields)
    return model, Field(default_factory=dict, validate_default=True, description=about)


def _with_branches(schema: ProcessSchema, field: tuple[type[BaseModel], Any]) -> tuple[type[BaseModel], Any]:
    """Add ``when`` to a block: a condition to the keys that are otherwise where it holds."""
    block, info = field

    def check(text: str) -> str:
        condition = Condition.parse(text)
        if condition.quantity not in schema.measured:
            known = ", ".join(schema.measured)
            raise ValueError(
                f"steps before {schema.process} do not measure {condition.quantity}, but {known}"
            )
        return text

    when: Any = (
        dict[Annotated[str, AfterValidator(check)], block],  # type: ignore[valid-type]
        Field(
            default_factory=dict,
            description="By condition, such as 'stars_per_deg2 > 1e5', what is otherwise where it is the first to hold",
        ),
    )
    model: type[BaseModel] = create_model(schema.process, __base__=(_BranchedBlock, block), when=when)
    return model, info


class _BranchedBlock(BaseModel):
    """A block whose branches hold only what they change."""

    @model_validator(mode="before")
    @classmethod
    def _complete_branches(cls, values: Any) -> Any:
        if not isinstance(values, Mapping) or not isinstance(values.get("when"), Mapping):
            return values
        base = {name: value for name, value in values.items() if name != "when"}
        branches = {condition: overlaid(base, own) for condition, own in values["when"].items()}
        return {**values, "when": branches}


def overlaid(base: Any, own: Any) -> Any:
    """Return nested blocks with values of others laid over them; lists and values replace."""
    if not isinstance(base, Mapping) or not isinstance(own, Mapping):
        return own
    return {**base, **{name: overlaid(base.get(name), value) for name, value in own.items()}}


def _use_field(slot: Slot, installed: Mapping[str, Any], registry: Registry) -> tuple[Any, Any]:
    def check(name: str) -> str:
        if name not in installed:
            raise ValueError(
                registry.unknown_component_message(slot.stage or slot.kind, name, sorted(installed))
            )
        return name

    checked = Annotated[str, AfterValidator(check)]
    if slot.many:
        return list[checked], Field(description=f"Names of the {slot.kind}s, in order")
    description = f"Name of the {slot.kind}: {', '.join(sorted(installed)) or 'none installed'}"
    if slot.optional:
        return checked | None, Field(None, description=f"{description}; none by default")
    return checked, Field(description=description)


def nearest_key(model: type[BaseModel], path: Sequence[Any]) -> str:
    """Return the valid key path nearest to a path whose last part is unknown; empty if nothing is near."""
    block = model
    for part in path[:-1]:
        info = block.model_fields.get(str(part))
        inner = info.annotation if info else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return ""
        block = inner
    near = difflib.get_close_matches(str(path[-1]), list(block.model_fields), 1)
    return ".".join([*(str(part) for part in path[:-1]), near[0]]) if near else ""
