"""A profile to start from, which says what every parameter is."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from enum import Enum
from typing import Any

import yaml
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from seechange_core.profile.parameter_texts import bounds_of, unit_of
from seechange_core.profile.profile import Profile

_HEADING = """\
# {title}
#
# Every line that begins with "# " shows what holds anyway. To change a value, take the "# " away from its line and
# from the lines of the blocks that it is in. Lines with ## say what a value means, with [its unit; what it may be].
# Lines that you do not change may go: a profile needs only what differs.

# ## The camera
instrument:
  use: {instrument}
"""
_WIDTH = 110


def commented_profile(profile: Profile, title: str) -> str:
    """Return YAML with every parameter of a profile, commented out, with its meaning, unit, bounds and present value.

    Parameters
    ----------
    profile : Profile
        Whose values are shown; also those of components that it does not use.
    title : str
        First line of the text.
    """
    instrument = profile.instrument().name
    # A profile is for one camera, so others are not of interest; all other components can be chosen.
    camera = "\n".join(_field(profile.model.instrument, instrument))  # type: ignore[attr-defined]
    parts = [_HEADING.format(title=title, instrument=instrument) + _commented(textwrap.indent(camera, "  "))]
    blocks = (
        "\n".join(_field(profile.model, name))
        for name in type(profile.model).model_fields
        if name != "instrument"
    )
    return "\n".join([*parts, *(_commented(block) for block in blocks)])


def _commented(text: str) -> str:
    return textwrap.indent(text, "# ", lambda _: True) + "\n" if text else ""


def _block(block: BaseModel) -> Iterator[str]:
    for name in type(block).model_fields:
        yield from _field(block, name)


def _field(block: BaseModel, name: str) -> Iterator[str]:
    info, value = type(block).model_fields[name], getattr(block, name, None)
    if isinstance(value, BaseModel):
        inner = [textwrap.indent(line, "  ") for line in _block(value)]
        if inner:
            yield from _meaning(info)
            yield f"{name}:"
            yield from inner
    elif name == "when" and not value:
        return
    else:
        yield from _meaning(info)
        yield _assignment(name, value) if hasattr(block, name) else f"{name}:  ## must be given"


def _meaning(info: FieldInfo) -> list[str]:
    limits = "; ".join([unit_of(info)] * bool(unit_of(info)) + bounds_of(info))
    text = (info.description or "") + (f" [{limits}]" if limits else "")
    return textwrap.wrap(text, _WIDTH, initial_indent="## ", subsequent_indent="## ")


def _assignment(name: str, value: Any) -> str:
    if value is None or isinstance(value, SecretStr):
        return f"{name}:"
    text = yaml.safe_dump(_plain(value), default_flow_style=True, width=math.inf, sort_keys=False)
    return f"{name}: {text.removesuffix('...' + chr(10)).rstrip()}"


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_unset=True)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in value]
    return value if isinstance(value, str | bool | int | float) else str(value)
