"""Frames as the camera writes them, simulated."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from seechange_saao import Saao

from seechange_core.errors import InputError

CARDS = {
    "OBJECT": "KB13475",
    "EXPTIME": 300.0,
    "FILTERS": 58,
    "IMAGETYP": "object    ",
    "MJD-OBS": 56470.9675,
    "RA_OBS": 273.8708,
    "DEC_OBS": -25.285,
    "RDNOISE": 5.0,
    "SECZ": 1.023,
    "GAIN": 1.9,
}


@pytest.fixture(params=["AKB13475I0001.fits", "AKB13475I0001.fits.fz"])
def frame(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return written(tmp_path / request.param, CARDS)


def written(path: Path, cards: dict[str, Any], shape: tuple[int, int] = (512, 512)) -> Path:
    pixels = np.random.default_rng(1).poisson(1300.0, shape).astype(np.uint16)
    pixels[40, 30] = 65300
    header = fits.Header(cards)
    image = fits.CompImageHDU(pixels, header) if path.suffix == ".fz" else fits.PrimaryHDU(pixels, header)
    hdus = fits.HDUList([fits.PrimaryHDU(), image]) if path.suffix == ".fz" else fits.HDUList([image])
    hdus.writeto(path)
    return path


def test_header_in_standard_names(frame: Path) -> None:
    camera = Saao()
    assert camera.recognises(frame)
    header = camera.read_header(camera.files_of(frame))
    assert (header.kind, header.filter, header.target, header.sections) == ("science", "I", "KB13475", ("1",))
    assert header.mjd == pytest.approx(56470.9675 + 150 / 86400, abs=1e-9)
    assert (header.exposure_s, header.ra_deg, header.dec_deg) == (300.0, 273.8708, -25.285)
    assert header.info["airmass"] == 1.023


def test_pixels_and_amplifier(frame: Path) -> None:
    section = Saao().read((frame,), "1")
    assert (section.data.shape, section.data.dtype, section.unit) == ((512, 512), np.float32, "adu")
    assert section.data[40, 30] == 65300
    (amplifier,) = section.amplifiers
    assert (amplifier.gain, amplifier.read_noise_electron) == (1.9, 5.0)
    assert amplifier.saturation_adu < 65300


def test_nominal_mapping_has_the_pointing_in_the_middle(frame: Path) -> None:
    camera = Saao()
    section = camera.read((frame,), "1")
    mapping = camera.first_mapping(section.header, section.info)
    assert mapping is not None
    assert np.allclose(mapping.pixel_to_sky(255.5, 255.5), (273.8708, -25.285))
    assert mapping.pixel_scale_arcsec == pytest.approx(0.31)


@pytest.mark.parametrize(
    ("cards", "message"),
    [
        ({"FILTERS": 11}, "FILTERS is 11; known are 58"),
        ({"IMAGETYP": "flat"}, "IMAGETYP is 'flat'; known are 'object'"),
        ({"EXPTIME": "long"}, "EXPTIME is 'long', not a finite number"),
    ],
)
def test_what_is_not_known_is_an_error(tmp_path: Path, cards: dict[str, Any], message: str) -> None:
    path = written(tmp_path / "A1.fits", CARDS | cards)
    with pytest.raises(InputError, match=message):
        Saao().read_header((path,))


def test_frame_that_is_not_trimmed_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "A1.fits", CARDS, (520, 534))
    with pytest.raises(InputError, match=r"\(520, 534\) pixels; a flat-fielded frame has \(512, 512\)"):
        Saao().read((path,), "1")


def test_other_section_is_refused(frame: Path) -> None:
    with pytest.raises(InputError, match="no section '2', only '1'"):
        Saao().read((frame,), "2")


def test_import_is_light() -> None:
    program = (
        "import sys, seechange_saao; print([m for m in ('astropy', 'scipy', 'numba') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
