"""Values for JSON columns, which know neither NaN nor numpy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def json_values(value: Any) -> Any:
    """Return a value as JSON has it: numpy arrays as lists, tuples as lists, numbers that are not finite as null.

    Raises
    ------
    TypeError
        If something is not JSON.
    """
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): json_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_values(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    raise TypeError(f"{value!r} ({type(value).__name__}) is not a JSON value")
