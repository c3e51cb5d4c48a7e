"""A real microlensing event in a crowded field without WCS and catalogue, with a third party's plugin.

The commands are those of the guide; the frames are from pyDIA (https://github.com/MichaelDAlbrow/pyDIA, MIT licence).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from sqlalchemy import select

from seechange_core.frames import Floats
from seechange_core.imaging.robust import scatter
from seechange_core.models import Measurements, Object, Reference, WorldCoordinates, ZeroPoint
from seechange_core.store import Store
from tests.extent import WHOLE

ROOT = Path(__file__).resolve().parents[2]
HOW_TO = ROOT / "docs" / "how-to" / "relative-calibration.md"
PLUGIN = ROOT / "docs" / "examples" / "seechange-saao"
FRAME = "AKB13475I0103.fits.fz"
#: Five nights, among them the sharpest frames and a fast decline; `make science` takes all frames.
SUBSET = (1, 91, 101, 103, 105, 115, 137, 139, 141, 143, 145, 147, 149, 151, 153, 171, 177)
#: Frames that follow each other so closely are compared (day).
CLOSE_DAYS = 0.03
Record = Callable[[str, float, str], None]

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Event:
    """What the commands of the guide left behind.

    Attributes
    ----------
    n_frames : int
        That were processed.
    sections : list of dict
        What the last command said of each.
    store : Store
        With all rows.
    shown : str
        What ``seechange show detections`` printed.
    folder, environment
        Where the commands ran, and with which variables.
    """

    n_frames: int
    sections: list[dict[str, Any]]
    store: Store
    shown: str
    folder: Path
    environment: dict[str, str]

    def rows(self, table: Any) -> list[Any]:
        """Return all rows of a table."""
        with self.store.database.read() as session:
            return list(session.scalars(select(table)))

    def objects(self) -> list[list[Measurements]]:
        """Return the measurements of each object in the order of time, the most significant object first."""
        found = defaultdict(list)
        for row in sorted(self.rows(Measurements), key=lambda row: row.mjd):
            found[row.object_id].append(row)
        return sorted(found.values(), key=significance, reverse=True)


def significance(measured: list[Measurements]) -> float:
    """Root of the sum of squares of all scores."""
    return float(np.sqrt(sum(row.score**2 for row in measured)))


@pytest.fixture(scope="module")
def event(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Event:
    """Run what the guide says, with the plugin installed; the data are there under slightly other names."""
    folder = tmp_path_factory.mktemp("event")
    images = folder / "pyDIA" / "Example" / "Images"
    images.mkdir(parents=True)
    frames = sorted((test_data / "saao_microlensing").glob("*.fits.fz"))
    if not WHOLE:
        names = {f"AKB13475I{number:04d}.fits.fz" for number in SUBSET}
        frames = [path for path in frames if path.name in names]
    for path in frames:
        (images / path.name).symlink_to(path)
    blocks = re.findall(r"```bash\n(.*?)```", HOW_TO.read_text("utf-8"), re.DOTALL)
    lines = [
        line for line in "".join(blocks).splitlines() if not line.startswith(("git ", "seechange lightcurve"))
    ]
    script = "\n".join(lines).replace("AKB13475I0103.fits", FRAME)
    script = script.replace(
        "pip install docs/examples/seechange-saao",
        f"python -m pip install -q --no-deps --no-build-isolation --target site {PLUGIN}",
    )
    assert script.count("seechange process") == 3
    last = script.rindex("pyDIA/Example/Images")
    script = f"{script[:last]}--json > sections.json {script[last:]}"
    script = script.replace("seechange show objects", "seechange show detections --limit 5 > shown.txt")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SEECHANGE_")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment["PYTHONPATH"] = os.pathsep.join([str(folder / "site"), environment.get("PYTHONPATH", "")])
    answer = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return Event(
        len(frames),
        json.loads((folder / "sections.json").read_text())["sections"],
        Store.open("", folder / "seechange-data"),
        (folder / "shown.txt").read_text(),
        folder,
        environment,
    )


def test_every_frame_is_solved_and_subtracted(event: Event, record_figure: Record) -> None:
    assert [section["state"] for section in event.sections] == ["done"] * event.n_frames
    metrics: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for section in event.sections:
        for step in section["steps"]:
            metrics[step["process"]].append(step["metrics"])
    errors = [one["error_mas"] / 310.0 for one in metrics["astrocal"]]
    record_figure("largest_registration_error", max(errors), "pixel")
    assert max(errors) < 0.1
    offsets = [one["offset_arcsec"] for one in metrics["astrocal"]]
    record_figure("largest_offset_of_pointing", max(offsets), "arcsec")
    assert max(offsets) > 40.0
    record_figure(
        "largest_scatter_of_zero_point", max(one["scatter_mag"] for one in metrics["photocal"]), "mag"
    )
    scores = [one["score_scatter"] for one in metrics["subtraction"]]
    record_figure("median_score_scatter", float(np.median(scores)), "sigma")


def test_rows_say_that_all_is_relative(event: Event) -> None:
    assert {row.relative_to for row in event.rows(WorldCoordinates)} == {FRAME}
    assert {(row.relative_to, row.calibrated) for row in event.rows(ZeroPoint)} == {(FRAME, False)}
    units = {
        (row.flux_unit, row.sky_frame, row.calibrated, row.magnitude) for row in event.rows(Measurements)
    }
    assert units == {("relative", "relative", False, None)}
    assert "relative" in event.shown
    assert "nJy" not in event.shown


def test_the_star_that_changes_stands_out(event: Event, record_figure: Record) -> None:
    star, second, *_ = event.objects()
    ratio = significance(star) / significance(second)
    record_figure("significance_of_the_star", significance(star), "sigma")
    record_figure("significance_over_that_of_the_next", ratio, "1")
    assert ratio > 3.0
    # Found wherever it was not as bright as in the reference.
    record_figure("part_of_frames_with_the_star", len(star) / event.n_frames, "1")
    assert len(star) > 0.7 * event.n_frames
    assert np.mean([row.psf_like for row in star]) > 0.8
    fluxes = [row.flux for row in star]
    assert max(fluxes) > 0 > min(fluxes)


def test_its_light_curve_is_smooth(event: Event, record_figure: Record) -> None:
    """Each flux against the line through the ones before and after, where these are less than 45 min apart.

    In the night of 2013-08-02 the star loses nine tenths of its light in eight hours, as it leaves a caustic.
    """
    star = event.objects()[0]
    mjd, flux, error = (
        np.array([getattr(row, name) for row in star]) for name in ("mjd", "flux", "flux_error")
    )
    residual, sigma, weight, row = off_the_line(mjd, flux, error)
    assert len(row) >= 5
    record_figure("pull_about_neighbours", scatter(residual / sigma), "sigma")
    assert scatter(residual / sigma) < 1.6
    # In magnitudes of the star itself, of which the reference knows how bright it was.
    total = flux[row] + reference_flux(event, star[0].ra, star[0].dec)
    assert np.all(total > 0)
    scatter_mag = 1.0857 * scatter(residual / weight / total)
    record_figure("scatter_about_neighbours", scatter_mag, "mag")
    assert scatter_mag < 0.03
    assert np.ptp(flux) > 50 * np.median(sigma)


def test_its_forced_light_curve_is_what_the_guide_says(event: Event, record_figure: Record) -> None:
    """One flux for each frame, in no physical unit."""
    star = event.objects()[0]
    (name,) = [row.name for row in event.rows(Object) if row.id == star[0].object_id]
    (line,) = [
        line for line in HOW_TO.read_text("utf-8").splitlines() if line.startswith("seechange lightcurve")
    ]
    command = ["bash", "-c", f"SEECHANGE_CONFIG=saao.yaml {line.replace('NAME', name)}"]
    subprocess.run(command, cwd=event.folder, env=event.environment, check=True)
    assert (event.folder / "lightcurve.png").read_bytes().startswith(b"\x89PNG")
    table = Table.read(event.folder / "lightcurve.csv")
    assert len(table) == event.n_frames
    assert set(table["flux_unit"]) == {"relative"}
    assert np.all(np.isnan(np.ma.filled(table["magnitude"].astype(float), np.nan)))
    # Where it was detected, the fitted and the forced flux agree.
    times, fluxes, errors = (
        np.array([getattr(row, key) for row in star]) for key in ("mjd", "flux", "flux_error")
    )
    at = np.array([np.argmin(np.abs(table["mjd"] - mjd)) for mjd in times])
    off = (np.asarray(table["flux"], float)[at] - fluxes) / np.hypot(errors, 0.01 * fluxes)
    record_figure("forced_minus_fitted_flux", scatter(off), "sigma")
    assert abs(np.median(off)) < 1.0
    assert scatter(off) < 2.0


def off_the_line(mjd: Floats, flux: Floats, error: Floats) -> tuple[Floats, Floats, Floats, Any]:
    """Return residuals, their errors, what they have to be divided by to be of one flux, and their rows."""
    row = np.flatnonzero(mjd[2:] - mjd[:-2] < CLOSE_DAYS) + 1
    after = (mjd[row] - mjd[row - 1]) / (mjd[row + 1] - mjd[row - 1])
    residual = flux[row] - (1 - after) * flux[row - 1] - after * flux[row + 1]
    variance = error[row] ** 2 + ((1 - after) * error[row - 1]) ** 2 + (after * error[row + 1]) ** 2
    return residual, np.sqrt(variance), np.sqrt(1 + after**2 + (1 - after) ** 2), row


def reference_flux(event: Event, ra: float, dec: float) -> float:
    """Return the star's relative flux in the reference."""
    (row,) = event.rows(Reference)
    reference = event.store.references.load(row.identity)
    sources = reference.sources
    x, y = reference.mapping.sky_to_pixel(ra, dec)
    distance = np.hypot(sources["x"] - x, sources["y"] - y)
    nearest = int(np.argmin(distance))
    assert distance[nearest] < 1.0
    factor = reference.photometry.flux_per_electron_at(sources["x"][nearest], sources["y"][nearest])
    return float(sources["flux"][nearest] * factor[0])
