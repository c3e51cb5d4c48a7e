"""Which heavy libraries the import of a module loads."""

from __future__ import annotations

import json
import os
import subprocess
import sys

#: What makes every command slow to start if a plugin's entry module imports it.
HEAVY = ("astropy", "scipy", "numba", "sqlalchemy", "matplotlib", "astroquery", "torch", "sklearn", "pandas")
_PROGRAM = """
import importlib, json, sys
importlib.import_module(sys.argv[1])
print(json.dumps([name for name in sys.argv[2:] if name in sys.modules]))
"""


def heavy_imports(module: str) -> list[str]:
    """Import a module in a new interpreter, and return the heavy libraries that are loaded afterwards.

    Raises
    ------
    ImportError
        If it cannot be imported there.
    """
    command = [sys.executable, "-c", _PROGRAM, module, *HEAVY]
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ImportError(f"{module} cannot be imported in a new interpreter: {done.stderr.strip()}")
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found
