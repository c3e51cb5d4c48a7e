"""What a declared parameter is, in words: its unit and its bounds."""

from __future__ import annotations

from pydantic.fields import FieldInfo

_SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<", "min_length": "length ≥", "max_length": "length ≤"}


def unit_of(info: FieldInfo) -> str:
    """Return the unit of a parameter; empty if it has none."""
    extra = info.json_schema_extra
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def bounds_of(info: FieldInfo) -> list[str]:
    """Return what a parameter may be: its choices, or each of its bounds, such as ``≥ 0``."""
    if "Literal" in str(info.annotation):
        return [str(choice) for choice in getattr(info.annotation, "__args__", ())]
    return [
        f"{sign} {getattr(constraint, name)}"
        for constraint in info.metadata
        for name, sign in _SIGNS.items()
        if getattr(constraint, name, None) is not None
    ]
