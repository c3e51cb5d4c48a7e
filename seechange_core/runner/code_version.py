"""Which code is running: recorded with every run, hashed into nothing."""

from __future__ import annotations

import subprocess
from importlib import metadata
from pathlib import Path

from seechange_core import __version__
from seechange_core.registry import Registry

#: Libraries whose version can matter for a number.
_LIBRARIES = ("astropy", "numba", "numpy", "scipy", "sep")


def package_versions(registry: Registry) -> dict[str, str]:
    """Return the versions of the core, of all plugins, and of the libraries that compute."""
    versions = {"seechange-core": __version__}
    versions |= {plugin.package: plugin.package_version for plugin in registry.plugins}
    return versions | {name: metadata.version(name) for name in _LIBRARIES}


def git_commit() -> str | None:
    """Return the commit of the checkout that the core runs from; None if it runs from an installed package."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    answer = subprocess.run(
        ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or None
