"""Two plain images: what files say, what is measured, and what cannot be used."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from click.testing import CliRunner

from seechange_core.builtin.fits_images import FitsParams
from seechange_core.builtin.plain_fits import read_plain_image
from seechange_core.cli import cli
from seechange_core.errors import InputError
from seechange_core.frames import MaskPlane
from seechange_core.simulation.image_pair import PairConditions, image_pair, with_sky
from seechange_core.steps.plain_images import PlainImage, frame_with_noise

SHAPE = (500, 600)
CONDITIONS = PairConditions(n_ref_exposures=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two images of one sky without any card that says something: the reference is turned by 90 degrees and larger."""
    place = tmp_path_factory.mktemp("plain")
    simulated = image_pair(2, SHAPE, CONDITIONS)
    new, ref = (with_sky(frame, CONDITIONS).data for frame in (simulated.new, simulated.ref))
    fits.writeto(place / "new.fits", new[20:480, 40:560])
    fits.writeto(place / "same.fits", ref[20:480, 40:560])
    fits.writeto(place / "turned.fits", np.rot90(ref).copy())
    return place


def run(*arguments: object) -> Any:
    return CliRunner().invoke(cli, ["subtract", *(str(argument) for argument in arguments)])


def write(path: Path, *hdus: Any, **cards: Any) -> Path:
    primary = fits.PrimaryHDU(np.arange(30, dtype=np.float32).reshape(5, 6))
    primary.header.update(cards)
    fits.HDUList([primary, *hdus]).writeto(path)
    return path


def read(path: Path, **settings: Any) -> PlainImage:
    return read_plain_image(path, FitsParams(**settings))


@pytest.mark.parametrize("reference", ["same.fits", "turned.fits"])
def test_pixels_alone_are_enough(folder: Path, tmp_path: Path, reference: str) -> None:
    ran = run(folder / "new.fits", folder / reference, "--out", tmp_path, "--json")
    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.output)
    with fits.open(tmp_path / "difference.fits") as hdus:
        names = [hdu.name for hdu in hdus]
        assert names[2:] == ["DIFFERENCE", "VARIANCE", "MASK", "PSF", "SCORE", "FLUX", "FLUXERR"]
        assert hdus["DIFFERENCE"].data.shape == (460, 520)
        assert hdus["PSF"].data[0].sum() == pytest.approx(1.0, abs=0.02)
        inner = hdus["SCORE"].data[40:-40, 40:-40]
        assert np.isfinite(inner).mean() > 0.98
        # A tenth of a CCD of sky has some 10,000 independent pixels; the images hold ten transients.
        assert 1.4826 * np.median(np.abs(inner)) == pytest.approx(1.0, abs=0.05)
    assert (tmp_path / "difference.png").stat().st_size > 10_000
    # The gain is 1; the read noise is a thirteenth of the noise of the sky, which the level does not know of.
    assert found["measured"]["new"]["gain"] == pytest.approx(1.0, rel=0.15)
    assert found["measured"]["new"]["gain_from"] == "level of the sky over its variance"
    assert found["measured"]["registration"] == "pattern of shared stars"
    assert found["subtraction"]["overlap"] > 0.98


def test_summary_says_what_was_measured(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "made" / "here"
    ran = run(folder / "new.fits", folder / "same.fits", "--out", out, "--set", "instrument.fits.gain=1.0")
    assert ran.exit_code == 0, ran.output
    assert "gain 1 (instrument.fits.gain)" in ran.output
    assert "pattern of shared stars" in ran.output
    assert (out / "difference.fits").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("truncated", "is truncated"),
        ("text", "cannot be read as FITS"),
        ("nan", "no pixel has a finite value"),
        ("empty", "there is no image of two axes"),
        ("elsewhere", "no pattern of stars in common"),
        ("missing", "there is no such file"),
    ],
)
def test_what_cannot_be_used_is_an_error_that_says_why(
    folder: Path, tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "bad.fits"
    if content == "truncated":
        path.write_bytes((folder / "same.fits").read_bytes()[:200_000])
    elif content == "text":
        path.write_text("no FITS", "ascii")
    elif content == "nan":
        fits.writeto(path, np.full((400, 400), np.nan, np.float32))
    elif content == "empty":
        fits.PrimaryHDU().writeto(path)
    elif content == "elsewhere":
        other = image_pair(9, SHAPE, CONDITIONS)
        fits.writeto(path, with_sky(other.ref, CONDITIONS).data)
    ran = run(folder / "new.fits", path, "--out", tmp_path)
    assert ran.exit_code != 0
    assert message in str(ran.exception)
    assert "bad.fits" in str(ran.exception)


def test_python_example_of_the_documentation_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (Path(__file__).parents[2] / "docs/how-to/subtract-two-images.md").read_text("utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(folder)
    exec(compile(example.replace("ref.fits", "same.fits"), "example", "exec"), {})
    scatter, _ = (float(number) for number in capsys.readouterr().out.split())
    assert scatter == pytest.approx(1.0, abs=0.05)


def test_unknown_subtractor_names_those_that_are_installed(folder: Path) -> None:
    ran = run(folder / "new.fits", folder / "same.fits", "--subtractor", "zogi")
    assert "did you mean zogy?" in str(ran.exception)


def test_gain_comes_from_settings_unit_or_cards(tmp_path: Path) -> None:
    cases: list[tuple[dict[str, Any], dict[str, Any], float | None]] = [
        ({}, {}, None),
        ({"GAIN": 1.7}, {}, 1.7),
        ({"EGAIN": 5.0}, {}, 5.0),
        ({"GAIN": 1.7, "BUNIT": "electron"}, {}, 1.0),
        ({"GAIN": 1.7, "BUNIT": "adu/s", "EXPTIME": 30.0}, {}, 51.0),
        ({"GAIN": 1.7, "BUNIT": "adu/s"}, {}, None),
        ({"GAIN": 0.0}, {}, None),
        ({"GAIN": 1.7}, {"gain": 2.0}, 2.0),
    ]
    for number, (cards, settings, gain) in enumerate(cases):
        assert read(write(tmp_path / f"{number}.fits", **cards), **settings).gain == gain


def test_planes_beside_the_image_are_used(tmp_path: Path) -> None:
    weight = np.full((5, 6), 0.25, np.float32)
    weight[0, 0] = 0.0
    flags = np.zeros((5, 6), np.int16)
    flags[1, 2] = 4
    stamp = np.zeros((9, 9), np.float32)
    stamp[3:6, 3:6] = 1 / 9
    hdus = [
        fits.ImageHDU(flags, name="DQ"),
        fits.ImageHDU(weight, name="WEIGHT"),
        fits.ImageHDU(stamp, name="PSF"),
    ]
    plain = read(write(tmp_path / "image.fits", *hdus, SATURATE=28.0))
    assert plain.variance is not None
    assert plain.variance[1, 1] == pytest.approx(4.0)
    assert plain.variance[0, 0] == 0.0
    assert plain.mask[1, 2] == MaskPlane.BAD
    assert plain.mask[4, 5] == plain.mask[4, 4] == MaskPlane.SATURATED
    assert np.count_nonzero(plain.mask) == 3
    assert plain.psf is not None
    assert plain.psf.fwhm == pytest.approx(3.4, abs=0.5)


def test_plane_of_another_shape_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "image.fits", fits.ImageHDU(np.ones((4, 4), np.float32), name="VARIANCE"))
    with pytest.raises(InputError, match=r"'VARIANCE' has the shape \(4, 4\)"):
        read(path)


def test_saturation_shows_by_the_level_at_which_stars_are_cut_off() -> None:
    data = image_pair(2, SHAPE, CONDITIONS).new.data
    level = float(np.sort(data, axis=None)[-60])
    for pixels, expected in ((data, 0), (np.minimum(data, level), 60)):
        plain = PlainImage("new", pixels, np.zeros(SHAPE, np.uint16), variance=np.ones(SHAPE, np.float32))
        frame, _ = frame_with_noise(plain, lambda frame: None)  # type: ignore[arg-type, return-value]
        assert np.count_nonzero(frame.mask & MaskPlane.SATURATED) == pytest.approx(expected, abs=4)


def test_masked_image_is_an_error() -> None:
    plain = PlainImage("all.fits", np.ones((5, 5), np.float32), np.full((5, 5), MaskPlane.BAD, np.uint16))
    with pytest.raises(InputError, match=r"all\.fits: none of its pixels is usable"):
        frame_with_noise(plain, lambda frame: None)  # type: ignore[arg-type, return-value]


def test_a_file_of_several_images_is_refused_until_one_is_chosen(tmp_path: Path) -> None:
    planes = [fits.ImageHDU(np.full((5, 6), value, np.float32), name=f"C{value}") for value in (1, 2)]
    path = tmp_path / "raw.fits"
    fits.HDUList([fits.PrimaryHDU(), *planes]).writeto(path)
    with pytest.raises(InputError, match=r"2 images, the extensions C1, C2; choose one.*extension=C1"):
        read(path)
    assert (read(path, extension="C2").data == 2).all()
    with pytest.raises(InputError, match=r"names 'C3', which is none of its images: C1, C2"):
        read(path, extension="C3")
    ran = run(path, path)
    assert "choose one" in str(ran.exception or ran.output)


def test_an_image_without_sources_is_named(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(100.0, 10.0, (200, 200)).astype(np.float32)
    fits.writeto(tmp_path / "blank.fits", noise)
    ran = run(tmp_path / "blank.fits", tmp_path / "blank.fits")
    assert "blank.fits: 0 sources were found beyond" in str(ran.exception)
