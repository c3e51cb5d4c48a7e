"""The simulated camera's files: what is written is read back, and what is broken is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from seechange_core.api import InputError
from seechange_core.builtin.simcam import RAW_SHAPE, SECTIONS, Simcam, amplifiers_of, nominal_mapping
from seechange_core.builtin.simcam_camera import true_mapping
from seechange_core.builtin.survey_plan import survey_visits


@pytest.fixture(scope="module")
def exposure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Simcam().write_simulated(tmp_path_factory.mktemp("simcam"), seed=5)


def test_header(exposure: Path) -> None:
    camera = Simcam()
    assert camera.recognises(exposure)
    assert not camera.recognises(exposure.with_name(f"{exposure.stem}.truth.fits"))
    visit = next(visit for visit in survey_visits(5) if visit.is_new)
    header = camera.read_header([exposure])
    # DATE-OBS has milliseconds.
    assert header.mjd == pytest.approx(visit.conditions.mjd, abs=1e-3 / 86400)
    assert (header.kind, header.exposure_s, header.filter) == ("science", 60.0, "r")
    assert header.sections == tuple(SECTIONS)
    assert header.header["SIMULATE"] is True
    # So its objects are marked as tests.
    assert header.info["simulated"] is True


@pytest.mark.parametrize("section", SECTIONS)
def test_raw_pixels_and_amplifiers(exposure: Path, section: str) -> None:
    camera = Simcam()
    raw = camera.read([exposure], section)
    assert raw.data.shape == RAW_SHAPE
    assert raw.amplifiers == amplifiers_of(section)
    assert not raw.calibrated
    for amplifier in raw.amplifiers:
        assert amplifier.overscan is not None
        overscan = raw.data[amplifier.overscan.slices]
        expected = amplifier.read_noise_electron / amplifier.gain
        # Read noise, rounding and the slow drift of the level; 32768 pixels give the scatter to 0.4 per cent.
        rows = overscan.mean(axis=1, keepdims=True)
        assert (overscan - rows).std() == pytest.approx(np.hypot(expected, 0.29), rel=0.04)
    assert camera.read_section_header([exposure], section) == raw.header


@pytest.mark.parametrize("section", SECTIONS)
def test_first_mapping_is_near_the_truth(exposure: Path, section: str) -> None:
    raw = Simcam().read([exposure], section)
    mapping = Simcam().first_mapping(raw.header, raw.info)
    assert mapping is not None
    truth = Table.read(exposure.with_name(f"{exposure.stem}.truth.fits"))
    truth = truth[(truth["section"] == section) & (truth["x"] > 0) & (truth["x"] < 1024)]
    truth = truth[(truth["y"] > 0) & (truth["y"] < 1024)]
    x, y = mapping.sky_to_pixel(truth["ra"], truth["dec"])
    off_arcsec = np.hypot(x - truth["x"], y - truth["y"]) * 0.26
    # Pointing error up to 5, rotation and distortion up to 2 arcsec.
    assert 0.1 < np.median(off_arcsec) < 7.0


def test_sections_do_not_overlap() -> None:
    for mapping in (nominal_mapping, true_mapping):
        east, west = (mapping(section, 150.0, 2.0) for section in SECTIONS)
        ra_of_east, _ = east.pixel_to_sky(1023.5, 511.5)
        ra_of_west, _ = west.pixel_to_sky(-0.5, 511.5)
        gap_pixel = (ra_of_east - ra_of_west) * np.cos(np.radians(2.0)) * 3600 / 0.26
        assert gap_pixel == pytest.approx(100, abs=3)


def test_truth_has_what_a_conformance_test_needs(exposure: Path) -> None:
    truth = Table.read(exposure.with_name(f"{exposure.stem}.truth.fits"))
    assert {"section", "x", "y", "ra", "dec", "magnitude", "kind", "flux"} <= set(truth.colnames)
    raw = Simcam().read([exposure], "C1").data
    amplifier = amplifiers_of("C1")[0]
    bright = truth[(truth["section"] == "C1") & (truth["magnitude"] < 18) & (truth["kind"] == "star")]
    bright = bright[(bright["x"] > 20) & (bright["x"] < 490) & (bright["y"] > 20) & (bright["y"] < 1000)]
    assert len(bright) > 5
    level = np.median(raw[amplifier.data.slices])
    for star in bright:
        x, y = round(star["x"]), round(star["y"])
        assert raw[y, x] > level + 0.02 * star["flux"] / amplifier.gain


def test_missing_section(exposure: Path) -> None:
    with pytest.raises(InputError, match="no extension 'C3'"):
        Simcam().read([exposure], "C3")


@pytest.mark.parametrize("fraction", [0.0, 0.2, 0.6, 0.99])
def test_truncated_file(exposure: Path, tmp_path: Path, fraction: float) -> None:
    path = tmp_path / exposure.name
    content = exposure.read_bytes()
    path.write_bytes(content[: int(fraction * len(content))])
    with pytest.raises(InputError, match=exposure.stem):
        Simcam().read([path], "C2")


@pytest.mark.parametrize("keyword", ["DATE-OBS", "EXPTIME", "OBSTYPE", "RA", "FILTER"])
def test_header_without_a_keyword(exposure: Path, tmp_path: Path, keyword: str) -> None:
    path = tmp_path / exposure.name
    with fits.open(exposure) as hdus:
        del hdus[0].header[keyword]
        hdus.writeto(path)
    with pytest.raises(InputError, match=rf"{exposure.name}: keyword {keyword}"):
        Simcam().read_header([path])


def test_default_profile_names_known_corrections() -> None:
    assert "overscan" in Simcam.default_profile()
