"""Parameters of steps and components, and which of them can change a result."""

from __future__ import annotations

import hashlib
import json
import math
from base64 import b32encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue
from pydantic import Field as _PydanticField

_ID_LENGTH = 20


def parameter(
    default: Any = ..., *, description: str, unit: str = "", critical: bool = True, **constraints: Any
) -> Any:
    """Declare one parameter of a `Params` class.

    Parameters
    ----------
    default : any
        Left out for a parameter that must be given.
    description : str
        One sentence for people who configure a survey.
    unit : str
        Of the number; empty for none.
    critical : bool
        False if the value cannot change the output (a number of threads, a verbosity): it is then not hashed.
    **constraints
        Bounds and patterns as pydantic knows them: ``ge``, ``gt``, ``le``, ``lt``, ``min_length`` ...
    """
    extra: dict[str, JsonValue] = {"unit": unit, "critical": critical}
    return _PydanticField(default, description=description, json_schema_extra=extra, **constraints)


class Params(BaseModel):
    """Base class of all parameters: immutable, and closed to unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    def critical(self) -> dict[str, Any]:
        """Return the parameters that can change the output, as JSON values by name; nested ones likewise."""
        values = self.model_dump(mode="json")
        for name, info in type(self).model_fields.items():
            extra = info.json_schema_extra
            if isinstance(extra, dict) and not extra.get("critical", True):
                del values[name]
            else:
                values[name] = _critical_part(getattr(self, name), values[name])
        return values


def _critical_part(value: Any, dumped: Any) -> Any:
    """Return a dumped value without what is not critical in the `Params` that it holds."""
    if isinstance(value, Params):
        return value.critical()
    if isinstance(value, Mapping):
        pairs = zip(value.values(), dumped.items(), strict=True)
        return {key: _critical_part(inner, plain) for inner, (key, plain) in pairs}
    if isinstance(value, list | tuple):
        return [_critical_part(inner, plain) for inner, plain in zip(value, dumped, strict=True)]
    if isinstance(value, set | frozenset):
        # The order of a set differs from one process to the next.
        return sorted(dumped, key=canonical_json)
    return dumped


@dataclass(frozen=True)
class Slot:
    """A place in a step that the profile fills with components.

    In the profile the slot ``psf`` of the process ``extraction`` is the block ``extraction.psf`` with the key ``use``
    and a block of parameters under each component's own name. A slot without a name is the process's block itself
    (``subtraction.use``).

    Parameters
    ----------
    kind : str
        ``"calibrator"``, ``"subtractor"``, ``"scorer"`` or ``"catalog"``.
    name : str
        Key below the process; empty for the process itself.
    stage : str
        For calibrators: only those of this stage fit.
    many : bool
        True if ``use`` is a list, applied in order.
    optional : bool
        True if ``use`` may be left out: then nothing fills it.
    """

    kind: str
    name: str = ""
    stage: str = ""
    many: bool = False
    optional: bool = False


def canonical_json(value: Any) -> str:
    """Write JSON in the one way that hashes rely on: sorted keys, no spaces, ASCII, shortest exact floats.

    Raises
    ------
    ValueError
        If a number is not finite.
    TypeError
        If something is not a JSON value.
    """
    return json.dumps(
        _normal(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )


def _normal(value: Any) -> Any:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} has no place in JSON")
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, Mapping):
        return {str(key): _normal(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_normal(item) for item in value]
    return value


def content_id(value: Any) -> str:
    """Return the identity of a JSON value: the first 20 characters of base32(SHA-256(canonical JSON)), lower case."""
    digest = hashlib.sha256(canonical_json(value).encode("ascii")).digest()
    return b32encode(digest).decode("ascii").lower()[:_ID_LENGTH]
