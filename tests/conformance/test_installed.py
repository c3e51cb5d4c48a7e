"""``pytest --seechange-conformance`` finds what is installed, wherever it is called."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_everything_that_is_installed_is_collected(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "seechange_core.testing.plugin",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(
        [*command, "--seechange-conformance", "-q", "-k", "without_error or (version and (Zogy or Simcam))"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # Schemas are stored beside a plugin's own tests.
    assert "2 skipped" in done.stdout
    assert "passed" in done.stdout
