"""What plugins and scripts can rely on: ``python tests/api/listing.py > tests/api/public_names.txt`` after a change."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]
#: Always promised; of `imaging` and `simulation`, what the plugins of this repository import.
ALWAYS = (
    "seechange_core",
    "seechange_core.api",
    "seechange_core.api.fits_files",
    "seechange_core.errors",
    "seechange_core.frames",
    "seechange_core.hookspecs",
    "seechange_core.testing",
)
_PLUGIN_CODE = (
    "plugins/*/src/**/*.py",
    "docs/examples/**/*.py",
    "seechange_core/commands/plugin_templates/**/*.py.template",
)


def names_that_plugins_import() -> set[str]:
    """Return ``module.name`` of everything that code outside of the core imports from it."""
    found = set()
    for pattern in _PLUGIN_CODE:
        for file in ROOT.glob(pattern):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("seechange_core"):
                    found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def public_names() -> list[str]:
    """Return every promised name with its parameters, and of classes the public methods and attributes."""
    lines = set()
    for module_name in ALWAYS:
        module = import_module(module_name)
        for name in _own_names(module):
            lines |= set(_described(f"{module_name}.{name}", getattr(module, name)))
    for full_name in names_that_plugins_import():
        module_name, _, name = full_name.rpartition(".")
        value = getattr(import_module(module_name), name, None)
        if not full_name.startswith(ALWAYS[1:]) and module_name not in ALWAYS and value is not None:
            lines |= set(_described(full_name, value))
    return sorted(lines)


def _own_names(module: ModuleType) -> list[str]:
    listed = getattr(module, "__all__", None)
    if listed is not None:
        return [name for name in listed if name != "__version__"]
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]


def _described(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, ModuleType):
        return
    yield name + _parameters(value)
    if inspect.isclass(value) and value.__module__.startswith("seechange_core"):
        for base in reversed(value.__mro__):
            if base.__module__.startswith("seechange_core"):
                for attribute in vars(base):
                    if not attribute.startswith(("_", "model_", "test_")):
                        yield f"{name}.{attribute}{_parameters(getattr(value, attribute, None))}"


def _parameters(value: Any) -> str:
    """Return the names of parameters, ``=`` after those with a default; nothing for what cannot be called."""
    if not callable(value) or not getattr(value, "__module__", "").startswith("seechange_core"):
        return ""
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return ""
    prefixes = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    told = [
        f"{prefixes.get(one.kind, '')}{one.name}{'' if one.default is inspect.Parameter.empty else '='}"
        for one in parameters
    ]
    return f"({', '.join(told)})"


if __name__ == "__main__":
    print("\n".join(public_names()))
