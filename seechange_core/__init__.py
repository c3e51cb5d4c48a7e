"""SeeChange: from the raw exposures of a time-domain survey to objects and light curves."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seechange_core.runner.pipeline import Pipeline
    from seechange_core.store import DataStore, Store

__all__ = ["DataStore", "Pipeline", "Store", "__version__"]
__version__ = "0.1.0"

#: What people use from Python, and where it is: imported when it is asked for, since it takes a second.
_MODULES = {
    "DataStore": "seechange_core.store",
    "Pipeline": "seechange_core.runner.pipeline",
    "Store": "seechange_core.store",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
