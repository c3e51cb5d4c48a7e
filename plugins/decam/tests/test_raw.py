"""Raw exposures, against the truth of simulated ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from seechange_core.api import InputError
from seechange_core.api.fits_files import read_cards
from seechange_core.frames import Box, SectionData
from seechange_decam import Decam
from seechange_decam.raw import _amplifier


def assembled(section: SectionData) -> np.ndarray:
    """Electrons on the trimmed CCD."""
    image = np.zeros((4096, 2048), np.float32)
    for amplifier in section.amplifiers:
        assert amplifier.overscan is not None
        level = np.median(section.data[amplifier.overscan.slices], axis=1, keepdims=True)
        image[amplifier.trimmed.slices] = (section.data[amplifier.data.slices] - level) * amplifier.gain
    return image


def test_header(decam: Decam, simulated: Path) -> None:
    header = decam.read_header(decam.files_of(simulated))
    assert header.processing == "raw"
    assert header.sections == ("S4", "N4")
    assert header.filter == "r"
    assert header.mjd == pytest.approx(60160.25 + 15.0 / 86400.0, abs=1e-9)
    assert header.ra_deg == pytest.approx(150.1, abs=1e-4)


@pytest.mark.parametrize(
    ("section", "name", "data", "trimmed", "overscan", "gain"),
    [
        # The amplifiers change sides between north and south, and so does the end of the parallel overscan.
        ("N4", "A", Box(0, 4096, 56, 1080), Box(0, 4096, 0, 1024), Box(0, 4096, 6, 56), 4.025),
        ("N4", "B", Box(0, 4096, 1080, 2104), Box(0, 4096, 1024, 2048), Box(0, 4096, 2104, 2154), 4.077),
        ("S4", "A", Box(50, 4146, 1080, 2104), Box(0, 4096, 1024, 2048), Box(50, 4146, 2104, 2154), 3.934),
        ("S4", "B", Box(50, 4146, 56, 1080), Box(0, 4096, 0, 1024), Box(50, 4146, 6, 56), 4.148),
    ],
)
def test_amplifiers(
    decam: Decam,
    simulated: Path,
    section: str,
    name: str,
    data: Box,
    trimmed: Box,
    overscan: Box,
    gain: float,
) -> None:
    raw = decam.read((simulated,), section)
    assert raw.data.shape == (4146, 2160)
    assert not raw.calibrated
    amplifier = next(amplifier for amplifier in raw.amplifiers if amplifier.name == name)
    assert (amplifier.data, amplifier.trimmed, amplifier.overscan) == (data, trimmed, overscan)
    assert amplifier.gain == gain


@pytest.mark.parametrize("section", ["S4", "N4"])
def test_assembled_pixels_agree_with_the_truth(decam: Decam, simulated: Path, section: str) -> None:
    raw = decam.read((simulated,), section)
    image = assembled(raw)
    image -= np.median(image)
    truth = Table.read(simulated.with_name(simulated.name.replace(".fits.fz", ".truth.fits")))
    inside = (truth["x"] > 20) & (truth["x"] < 2027) & (truth["y"] > 20) & (truth["y"] < 4075)
    bright = (truth["magnitude"] < 18.5) & (truth["magnitude"] > 15.5) & (truth["kind"] == "star")
    stars = truth[(truth["section"] == section) & inside & bright]
    assert len(stars) >= 5
    y, x = np.mgrid[-8:9, -8:9]
    offsets, ratios = [], []
    for star in stars:
        column, row = round(star["x"]), round(star["y"])
        stamp = image[row - 8 : row + 9, column - 8 : column + 9]
        offsets.append(
            (
                (stamp * x).sum() / stamp.sum() + column - star["x"],
                (stamp * y).sum() / stamp.sum() + row - star["y"],
            )
        )
        ratios.append(stamp.sum() / star["flux"])
    # Neighbours pull single centroids; a swapped or mirrored half would be off by hundreds of pixels.
    assert np.abs(np.median(offsets, axis=0)).max() < 0.05
    assert np.median(ratios) == pytest.approx(0.98, abs=0.05)
    for amplifier in raw.amplifiers:
        assert amplifier.overscan is not None
        read_noise_electron = float(np.std(raw.data[amplifier.overscan.slices])) * amplifier.gain
        assert read_noise_electron == pytest.approx(amplifier.read_noise_electron, rel=0.1)


def test_first_mapping_is_off_by_the_pointing_error(decam: Decam, simulated: Path) -> None:
    raw = decam.read((simulated,), "N4")
    mapping = decam.first_mapping(raw.header, raw.info)
    assert mapping is not None
    truth = Table.read(simulated.with_name(simulated.name.replace(".fits.fz", ".truth.fits")))
    truth = truth[truth["section"] == "N4"]
    x, y = mapping.sky_to_pixel(truth["ra"], truth["dec"])
    error_arcsec = 0.2637 * np.hypot(np.median(x - truth["x"]), np.median(y - truth["y"]))
    assert 5.0 < error_arcsec < 20.0


def test_without_wcs_the_geometry_is_used(decam: Decam, simulated: Path) -> None:
    raw = decam.read((simulated,), "S4")
    pointing_only = {key: raw.header[key] for key in ("RA", "DEC")}
    with_wcs, without = (decam.first_mapping(header, raw.info) for header in (raw.header, pointing_only))
    assert with_wcs is not None
    assert without is not None
    sky = np.array([mapping.pixel_to_sky([0.0, 2047.0], [0.0, 4095.0]) for mapping in (with_wcs, without)])
    assert np.abs(sky[0] - sky[1]).max() * 3600 < 0.1


def test_truncated_file(decam: Decam, simulated: Path, tmp_path: Path) -> None:
    path = tmp_path / simulated.name
    path.write_bytes(simulated.read_bytes()[: int(0.7 * simulated.stat().st_size)])
    assert decam.read((path,), "S4").data.shape == (4146, 2160)
    with pytest.raises(InputError, match="truncated"):
        decam.read((path,), "N4")


def test_focus_ccds_are_ignored(decam: Decam, simulated: Path, tmp_path: Path) -> None:
    path = tmp_path / simulated.name
    with fits.open(simulated) as hdus:
        focus = fits.ImageHDU(np.zeros((4, 4), np.uint16), name="FS1")
        fits.HDUList([hdus[0], fits.ImageHDU(np.zeros((4, 4), np.uint16), name="N4"), focus]).writeto(path)
    assert decam.read_header((path,)).sections == ("N4",)


@pytest.mark.parametrize("keyword", ["GAINA", "RDNOISEB", "SATURATA", "DATASECB", "BIASSECA", "CCDSECB"])
def test_missing_keyword_is_named(simulated: Path, keyword: str) -> None:
    cards: dict[str, Any] = read_cards(simulated, "N4")
    del cards[keyword]
    with pytest.raises(InputError, match=f"{keyword} is missing"):
        _amplifier(cards, keyword[-1], "file")


def test_trimming_within_the_light(simulated: Path) -> None:
    cards = read_cards(simulated, "N4") | {"TRIMSECA": "[67:1080,11:4096]"}
    amplifier = _amplifier(cards, "A", "file")
    assert amplifier.data == Box(10, 4096, 66, 1080)
    assert amplifier.trimmed == Box(10, 4096, 10, 1024)
