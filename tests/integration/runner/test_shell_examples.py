"""The shell examples of the documentation, page by page and in order, with the installed program.

An example that cannot run here says why in its page: a comment ``<!-- example: not run: REASON -->`` stands before its
block, where a reader does not see it. Names that stand for the reader's own files and ids are replaced by `stand_ins`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from seechange_core.cli import cli
from seechange_core.models import CalibratorFile, Image, Measurements, Object, Product, Provenance, Reference
from tests.extent import WHOLE

ROOT = Path(__file__).parents[3]
N_REFERENCE = 3
#: Pages whose examples compute for ten seconds and more are for `make science` alone.
LONG = (
    "quickstart",
    "process-raw-exposures",
    "subtract-two-images",
    "profiles",
    "references",
    "ready-to-work",
    "completeness",
    "night-reports",
)
DEMO_PROFILE = "demo-out/profile.yaml"
PAGES = [
    path
    for pattern in (
        "README.md",
        "docs/quickstart.md",
        "docs/plugins.md",
        "docs/tutorial-*.md",
        "docs/how-to/*.md",
    )
    for path in sorted(ROOT.glob(pattern))
]
#: A block with what stands before it: fenced, or, in the README, an indented list of commands with their meaning.
BLOCK = re.compile(
    r"(?P<mark><!-- example: not run: [^>]{5,} -->\n\n?)?"
    r"(?:^```(?P<language>console|bash)\n(?P<fenced>.*?)^```$"
    r"|(?P<indented>(?:^    (?:seechange|make|pip|python3) [^\n]*\n)+))",
    re.MULTILINE | re.DOTALL,
)
#: What a page calls survey.yaml, if it shows one for the simulated camera.
PROFILE = re.compile(r"^```yaml\n(instrument: \{use: simcam\}\n.*?)^```$", re.MULTILINE | re.DOTALL)


def examples(page: Path) -> Iterator[tuple[str, bool]]:
    """Yield each block as a script, and whether it is run."""
    for found in BLOCK.finditer(page.read_text("utf-8")):
        if found["indented"]:
            lines = [re.split(r" {3,}", line.strip())[0] for line in found["indented"].splitlines()]
        elif found["language"] == "console":
            lines = [line.removeprefix("$ ") for line in found["fenced"].splitlines()]
        else:
            lines = found["fenced"].splitlines()
        yield "\n".join(lines), not found["mark"]


EXAMPLES = {page: list(examples(page)) for page in PAGES}


@pytest.fixture
def scratch(processed: Any, tmp_path: Path) -> Path:
    """A folder as ``make demo`` leaves it, with a profile and files of the reader, and one processed exposure."""
    data, raw = tmp_path / "demo-out/data", tmp_path / "demo-out/raw"
    shutil.copytree(processed.root, data)
    shutil.copy(processed.url.removeprefix("sqlite:///"), data / "seechange.db")
    for name in ("seechange-data", "my-survey"):
        (tmp_path / name).symlink_to(data)
    # What is there already is not computed again, which keeps this short.
    files, n = processed.files, N_REFERENCE
    raw.mkdir()
    for path in (*files.bias[:n], *files.flats[:n], *files.reference[:n], *files.new[:2], files.catalog):
        (raw / path.name).symlink_to(path)
    (tmp_path / "raw").symlink_to(raw)
    (tmp_path / "exposures").mkdir()
    (tmp_path / "exposures" / processed.files.new[0].name).symlink_to(processed.files.new[0])
    (tmp_path / ".local/share/bash-completion/completions").mkdir(parents=True)
    (tmp_path / "survey.yaml").write_text("instrument: {use: simcam}\n")
    (tmp_path / DEMO_PROFILE).write_text("instrument: {use: simcam}\nstorage: {root: demo-out/data}\n")
    return tmp_path


@pytest.fixture
def stand_ins(processed: Any) -> dict[str, str]:
    """What is put in place of names in the documentation, in this order."""
    difference = next(row for row in processed.rows(Image) if row.is_difference)
    first, second = processed.rows(Object)[:2]
    joined = next(row for row in processed.rows(Measurements) if row.object_id == second.id)
    provenances = [row.id for row in processed.rows(Provenance)]
    (frame, *_) = processed.rows(CalibratorFile)
    (calibration,) = processed.rows(Product, Product.id == frame.id)
    exposure = processed.files.new[0]
    uuid = "01234567-89ab-cdef-0123-456789abcdef"
    return {
        "EXPOSURE.fits.fz": str(exposure),
        " exposure.fits": f" {exposure}",
        "--instrument decam": "--instrument simcam",
        "77cf291e 86626dcf": str(joined.id),
        # These two show one exposure, not a difference.
        f"astrometry {uuid}": f"astrometry {difference.new_image_id}",
        f"export {uuid}": f"export {difference.new_image_id}",
        uuid: str(difference.id),
        "SC2026ab": first.name,
        "SC2026cd": second.name,
        "SC2026a": first.name,
        "abcdefghijklmnopqrst": processed.rows(Reference)[0].identity,
        "4bovildnhbu3delicjjd": calibration.identity,
        "abcd efgh": f"{provenances[0]} {provenances[-1]}",
        "2026-03-04": "latest",
        "simcam_20260304_028.fits": exposure.name,
        "/new/place/seechange": "demo-out/data",
        "--ra 150.1 --dec": "--ra 150.14 --dec",
        "--size 2048 1024": "--size 512 512",
    }


def export_images(script: str, difference: Any, folder: Path) -> None:
    """Write the images that a script subtracts."""
    for name in set(re.findall(r"\b(?:new\d?|ref|NEW|REF)\.fits", script)):
        image = difference.new_image_id if name.lower().startswith("new") else difference.ref_image_id
        done = CliRunner().invoke(
            cli,
            [
                "export",
                str(image),
                "-o",
                str(folder / name),
                f"--set=storage.root={folder / 'demo-out/data'}",
            ],
        )
        assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    "page",
    [
        page
        for page in PAGES
        if any(is_run for _, is_run in EXAMPLES[page]) and (WHOLE or page.stem not in LONG)
    ],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_examples_of_a_page_run(page: Path, scratch: Path, stand_ins: dict[str, str], processed: Any) -> None:
    script = "\n".join(block for block, is_run in EXAMPLES[page] if is_run)
    profile = PROFILE.search(page.read_text("utf-8"))
    if profile:
        (scratch / "survey.yaml").write_text(profile[1])
    export_images(script, next(row for row in processed.rows(Image) if row.is_difference), scratch)
    for name, stands_for in stand_ins.items():
        script = script.replace(name, stands_for)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEECHANGE_")}
    # No example asks a service for stars, and workers of their own would take longer than what they do.
    settings = {"SEECHANGE__RUNNER__JOBS": "1", "SEECHANGE__INJECTION__NUMBER": "40"} | {
        f"SEECHANGE__{process}__CATALOG__{key}": value
        for process in ("ASTROCAL", "PHOTOCAL")
        for key, value in (("USE", "file"), ("FILE__PATH", "demo-out/raw/stars.fits"))
    }
    if page.name == "README.md":
        # Exported in the sentence before the commands.
        settings["SEECHANGE_CONFIG"] = DEMO_PROFILE
    programs = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-e", "-x", "-c", script],
        cwd=scratch,
        env=kept | settings | {"HOME": str(scratch), "PATH": programs, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


def test_few_examples_are_left_out() -> None:
    everything = [is_run for page in PAGES for _, is_run in EXAMPLES[page]]
    assert len(everything) >= 60
    assert everything.count(False) <= 24
