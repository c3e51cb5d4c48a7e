"""What a computation costs."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from seechange_core.runner.workers import WORKER_ENVIRONMENT

_FREED = """
from seechange_core.runner.resources import peak_mb, release_memory, restart_peak

blocks = [bytearray(100_000) for _ in range(600)]
last = bytearray(100)
del blocks
restart_peak()
kept = peak_mb()
release_memory()
restart_peak()
print(kept - peak_mb())
"""


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="what other C libraries keep is their own affair"
)
def test_freed_memory_is_given_back() -> None:
    environment = {**os.environ, **WORKER_ENVIRONMENT}
    ran = subprocess.run(
        [sys.executable, "-c", _FREED], env=environment, capture_output=True, text=True, check=True
    )
    assert float(ran.stdout) > 40
