"""Compiled functions give the same bits in the process that compiles them as in those that load them.

The machine code of a function that another one calls is there twice, on its own and within its caller. Which of the two
runs depends on whether this process compiled them. Where sums may be reordered, the two differ in their last bits.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from numba.core.dispatcher import Dispatcher

PACKAGES = {entry_point.module.partition(".")[0] for entry_point in entry_points(group="seechange")}
FIT = """
import zlib
import numpy as np
from seechange_core.frames import PsfModel
from seechange_core.imaging.psf.photometry import fit_point_sources
random = np.random.default_rng(1)
offset = np.arange(33) - 16.0
profile = np.exp(-0.1 * offset**2)
stamp = np.outer(profile, profile)
psf = PsfModel((stamp / stamp.sum())[None].astype(np.float32), fwhm=5.3)
image = random.normal(0.0, 5.0, (200, 200)).astype(np.float32)
x, y = random.uniform(20.0, 180.0, (2, 50))
fitted, _ = fit_point_sources(image, np.full_like(image, 25.0), np.zeros(image.shape, bool), psf, x, y)
print(zlib.crc32(fitted.flux.tobytes()))
"""


def compiled_functions() -> Iterator[Dispatcher]:
    for package in sorted(PACKAGES):
        root = importlib.import_module(package)
        for found in pkgutil.walk_packages(root.__path__, f"{package}."):
            # Training needs a library that nothing else needs; it compiles nothing.
            if not any(part in found.name for part in ("migrations", "training")):
                yield from (
                    one
                    for one in vars(importlib.import_module(found.name)).values()
                    if isinstance(one, Dispatcher)
                )


def test_sums_that_may_be_reordered_are_inlined_where_they_are_called() -> None:
    separate = set()
    functions = set(compiled_functions())
    assert len(functions) > 50
    for caller in functions:
        called = [caller.py_func.__globals__.get(name) for name in caller.py_func.__code__.co_names]
        for one in called:
            if isinstance(one, Dispatcher):
                options = one.targetoptions
                if options.get("fastmath") and not options.get("forceinline"):
                    separate.add(f"{one.py_func.__module__}.{one.py_func.__name__}")
    assert not separate


@pytest.mark.slow
def test_fit_is_the_same_where_it_is_compiled_and_where_it_is_loaded(tmp_path: Path) -> None:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    runs = [
        subprocess.run(
            [sys.executable, "-c", FIT], env=environment, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]
    assert any(tmp_path.rglob("*.nbc"))
    assert runs[0] == runs[1]
