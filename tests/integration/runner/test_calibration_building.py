"""Calibration files from raw exposures on disk to the images that are made with them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from click.testing import CliRunner, Result

from seechange_core.builtin import simcam_camera as camera
from seechange_core.builtin.simcam_files import date_of, write_raw
from seechange_core.cli import cli
from seechange_core.models import Product
from seechange_core.simulation.detector import read_out

FIRST_MJD = 61100.8
SHAPE = (1024, 1024)


def write(
    folder: Path, number: int, kind: str, electrons: float, *, sections: Sequence[str] = ("C1",), **cards: Any
) -> Path:
    """Write a raw exposure of one CCD, or of several."""
    rng = np.random.default_rng([number, 9])
    header = {
        "INSTRUME": "SIMCAM",
        "SIMULATE": True,
        "OBSTYPE": kind,
        "DATE-OBS": date_of(FIRST_MJD + number / 1440.0),
        "EXPTIME": {"zero": 0.0, "dark": 300.0}.get(kind, 10.0),
        **({"FILTER": "r"} if kind == "dome flat" else {}),
        **cards,
    }
    pixels = {}
    for section in sections:
        detector = camera.detector_of(section)
        light = electrons * (detector.response if kind == "dome flat" else np.ones(SHAPE))
        pixels[section] = read_out(rng, detector, rng.poisson(light).astype(float))
    path = folder / f"simcam_20260131_{number:03d}.fits"
    write_raw(path, header, pixels)
    return path


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("night")
    for number in range(4):
        write(folder, number, "zero", 0.0)
    for number in range(10, 14):
        write(folder, number, "dark", 30.0)
    for number in range(20, 24):
        write(folder, number, "dome flat", 30000.0)
    write(folder, 24, "dome flat", 30000.0, FILTER="g")
    write(folder, 25, "dome flat", 160000.0)
    for number in range(26, 28):
        write(folder, number, "dome flat", 5000.0, EXPTIME=2.0)
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    def seechange(*arguments: str | Path, camera: bool = True, root: str = "data") -> Result:
        options = [
            *(["--instrument", "simcam"] if camera else []),
            "--set",
            f"storage.root={tmp_path / root}",
        ]
        return CliRunner().invoke(cli, ["calibration", *map(str, arguments), *options])

    return seechange


def built(result: Result, n_built: int = 1) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    rows: list[dict[str, Any]] = json.loads(result.stdout)
    assert len(rows) == n_built
    return rows


def listed(run: Callable[..., Result], *options: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(run("list", "--json", *options, camera=False).stdout)
    return rows


def test_frames_of_a_night_from_bias_to_bad_pixels(
    run: Callable[..., Result], raw: Path, tmp_path: Path
) -> None:
    (bias,) = built(run("build", "bias", raw, "--json"))
    assert bias["n_exposures"] == 4
    assert bias["metrics"]["noise"] == pytest.approx(bias["metrics"]["noise_expected"], rel=0.05)
    (dark,) = built(run("build", "dark", raw, "--json"))
    # 30 electrons in 300 s, at 1.62 and 1.71 electrons per ADU.
    assert dark["metrics"]["level"] == pytest.approx(0.06, rel=0.02)
    (flat,) = built(run("build", "flat", raw, "--json"))
    assert (flat["filter"], flat["n_exposures"]) == ("r", 6)
    reasons = {Path(name).name: reason for name, reason in flat["rejected"].items()}
    assert set(reasons) == {"simcam_20260131_024.fits", "simcam_20260131_025.fits"}
    assert "only 1 of filter g" in reasons["simcam_20260131_024.fits"]
    assert "saturated" in reasons["simcam_20260131_025.fits"]
    (gain,) = built(run("build", "gain", raw, "--json", "-o", tmp_path / "plots"))
    measured = {one["amplifier"]: one for one in gain["metrics"]["amplifiers"]}
    # Three pairs: a variance to 0.2 % each.
    assert measured["A"]["gain"] == pytest.approx(1.62, rel=0.01)
    assert measured["B"]["read_noise_electron"] == pytest.approx(6.8, rel=0.02)
    assert (tmp_path / "plots/photon_transfer_C1.png").stat().st_size > 10_000
    (bad,) = built(run("build", "badpixels", raw, "--json", "--filter", "r"))
    assert bad["metrics"]["odd_response_fraction"] == pytest.approx(1.0 / 1024.0, rel=0.1)
    assert [(row["kind"], row["filter"]) for row in listed(run)] == [
        ("badpixels", None),
        ("bias", None),
        ("dark", None),
        ("flat", "r"),
        ("gain", None),
    ]
    assert {row["metrics"]["n_combined"] for row in listed(run, "--kind", "flat")} == {6}
    # Building again finds what is there; what is corrected with the measured gain is another frame.
    assert built(run("build", "gain", raw, "--json"))[0]["identity"] == gain["identity"]
    dry = run("build", "flat", raw, "--dry-run", "--json")
    assert json.loads(dry.stdout)[0]["corrected for"] == "overscan, saturation, bias, gain"


def test_sections_built_at_the_same_time_are_those_built_one_by_one(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    for number in range(3):
        write(folder, number, "zero", 0.0, sections=("C1", "C2"))
        write(folder, 10 + number, "dark", 30.0, sections=("C1", "C2"))
    # A dark needs the bias.
    early = run("build", "dark", folder, "--json", "--jobs", "2")
    assert early.exit_code == 1
    assert ["no bias" in row["problem"] for row in json.loads(early.stdout)] == [True, True]
    together = built(run("build", "bias", folder, "--json", "--jobs", "2"), 2)
    assert [row["section"] for row in together] == ["C1", "C2"]
    apart = built(run("build", "bias", folder, "--json", root="apart"), 2)
    assert apart == together
    assert len(listed(run, "--kind", "bias")) == 2
    refused = run("build", "gain", folder, "--jobs", "2")
    assert refused.exit_code == 2


def test_dry_run_shows_the_plan_and_writes_nothing(
    run: Callable[..., Result], raw: Path, tmp_path: Path
) -> None:
    result = run("build", "flat", raw, "--filter", "r", "--dry-run", "--json")
    assert result.exit_code == 0
    (row,) = json.loads(result.stdout)
    assert (row["section"], row["filter"], row["exposures"]) == ("C1", "r", 7)
    assert "its filter is g, not r" in result.stderr
    assert not list((tmp_path / "data").rglob("*.fits"))


def test_too_few_exposures_are_named(run: Callable[..., Result], raw: Path) -> None:
    files = sorted(raw.glob("*_00[01].fits"))
    result = run("build", "bias", *files)
    assert result.exit_code != 0
    assert all(file.name in str(result.exception) for file in files)
    assert "only 2 for a bias of C1, at least 3 are needed" in str(result.exception)
    other_night = run("build", "bias", raw, "--night", "2026-02-02")
    assert "it is of the night of 20" in str(other_night.exception)


def test_damaged_file_is_left_out_by_name(run: Callable[..., Result], raw: Path, tmp_path: Path) -> None:
    files = sorted(raw.glob("*_00?.fits"))
    broken = tmp_path / "simcam_20260131_009.fits"
    broken.write_bytes(files[0].read_bytes()[:500_000])
    (bias,) = built(run("build", "bias", *files, broken, "--json"))
    assert bias["n_exposures"] == 4
    assert list(bias["rejected"]) == [str(broken)]


def test_missing_bias_is_named(run: Callable[..., Result], raw: Path) -> None:
    result = run("build", "flat", raw, "--filter", "r")
    assert "seechange calibration build bias" in str(result.exception)


def test_file_from_elsewhere_is_used_and_retired(run: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "flat.fits"
    images = [fits.ImageHDU(np.full(SHAPE, 1.0, np.float32), name=name) for name in ("C1", "C2")]
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(path)
    assert run("use", "flat", path, "--filter", "r", "--dry-run").exit_code == 0
    assert "no data" in str(run("list", camera=False).exception)
    assert run("use", "flat", path, "--filter", "r", "--valid-from", "61000").exit_code == 0
    rows = listed(run)
    assert [(row["section"], row["filter"], row["valid_from_mjd"]) for row in rows] == [
        ("C1", "r", 61000.0),
        ("C2", "r", 61000.0),
    ]
    assert rows[0]["metrics"]["file"] == str(path)
    run("retire", *(row["identity"] for row in rows), camera=False)
    assert listed(run) == []
    assert len(listed(run, "--all")) == 2


def test_boxes_of_defects_are_read_from_text(run: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "defects.txt"
    path.write_text("C1 10 20 3 4\nC2 0 0 1 1024  # a column\n")
    assert run("use", "defects", path).exit_code == 0
    assert [(row["kind"], row["section"]) for row in listed(run)] == [
        ("badpixels", "C1"),
        ("badpixels", "C2"),
    ]


@pytest.mark.parametrize(
    ("make", "options", "complaint"),
    [
        (lambda path: None, (), "does not exist"),
        (
            lambda path: fits.writeto(path, np.ones((5, 5), np.float32)),
            ("--sections", "C1"),
            r"shape \(5, 5\)",
        ),
        (lambda path: fits.writeto(path, np.ones((5, 5), np.float32)), (), "nothing for any section"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), (), "neither FITS nor text"),
        (lambda path: path.write_text("C1 1 2"), (), "line 1"),
    ],
)
def test_what_cannot_be_used_is_named(
    run: Callable[..., Result],
    tmp_path: Path,
    make: Callable[[Path], None],
    options: Sequence[str],
    complaint: str,
) -> None:
    path = tmp_path / "file"
    make(path)
    result = run("use", "badpixels", path, *options)
    assert result.exit_code != 0
    assert re.search(complaint, str(result.exception))
    assert str(path) in str(result.exception)


def test_kind_that_nothing_uses_is_refused(run: Callable[..., Result], tmp_path: Path) -> None:
    result = run("use", "flaat", tmp_path / "file")
    assert "'flaat'; known are badpixels, bias" in str(result.exception)


def test_image_is_made_with_the_measured_gain(survey: Any, new_exposure: Path) -> None:
    """A gain that is registered later makes other products, and says so in their inputs."""
    survey.process([new_exposure], through="preprocessing")
    table = fits.BinTableHDU.from_columns(
        [
            fits.Column("amplifier", "1A", array=["A", "B"]),
            fits.Column("gain", "D", array=[3.24, 3.42]),
            fits.Column("read_noise_electron", "D", array=[12.0, 13.0]),
            fits.Column("saturation_adu", "D", array=[np.nan, np.nan]),
        ],
        name="C1",
    )
    path = survey.root / "gains.fits"
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(path)
    result = CliRunner().invoke(cli, ["calibration", "use", "gain", str(path), *survey.options])
    assert result.exit_code == 0, result.output
    path.unlink()
    survey.process([new_exposure], through="preprocessing")
    images = survey.rows(Product, Product.process == "preprocessing")
    before, after = sorted(images, key=lambda row: row.created_at)[-2:]
    assert "gain" not in before.inputs
    assert "gain" in after.inputs
    ratio = after.metrics["median_electron"] / before.metrics["median_electron"]
    # The camera says 1.62 and 1.71.
    assert ratio == pytest.approx(2.0, rel=1e-3)
