"""LS4's files, headers and geometry, and raw pixels against the truth of simulated exposures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from seechange_core.api import InputError
from seechange_core.frames import Box
from seechange_ls4 import Ls4
from seechange_ls4.geometry import SECTIONS, nominal_mapping

CARDS: dict[str, Any] = {
    "CCD_LOC": "NE_A",
    "IMAGETYP": "sky",
    "EXPTIME": 45.0,
    "STARTOBS": "2026-04-09T00:53:20.500",
    "TELE-RA": 12.5,
    "TELE-DEC": -30.0,
    "PRESECL": "[1:6,1:4096]",
    "DATASECL": "[7:1030,1:4096]",
    "BIASSECL": "[1031:1050,1:4096]",
    "BIASSECR": "[1:20,1:4096]",
    "DATASECR": "[21:1044,1:4096]",
    "PRESECR": "[1045:1050,1:4096]",
}


@pytest.fixture(scope="module")
def ls4() -> Ls4:
    return Ls4()


def image(columns: int = 2074, rows: int = 4096, **cards: Any) -> fits.ImageHDU:
    """An image whose pixels hold the number of their column."""
    pixels = np.broadcast_to(np.arange(columns, dtype=np.int16), (rows, columns))
    merged = {key: value for key, value in (CARDS | cards).items() if value is not None}
    return fits.ImageHDU(np.ascontiguousarray(pixels), fits.Header(merged))


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def written(*hdus: fits.ImageHDU) -> Path:
        path = tmp_path / "20260409005320s_00014.fits"
        fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)
        return path

    return written


def test_sections() -> None:
    assert len(SECTIONS) == 32
    assert {section for section, geometry in SECTIONS.items() if geometry.defective} == {"NE_H", "SE_D"}
    filters = {section[:2]: geometry.filter for section, geometry in SECTIONS.items()}
    assert filters == {"NE": "i", "NW": "z", "SE": "g", "SW": "i"}


def test_offsets_are_those_measured_near_declination_minus_28() -> None:
    """Back on the sky there, NE_D is at the table's -3.1559 (times cos dec) and 0.8743."""
    mapping = nominal_mapping("NE_D", 100.0, -28.0)
    ra, dec = mapping.pixel_to_sky(1023.5, 2047.5)
    assert (float(ra) - 100.0) * np.cos(np.radians(-28.0)) == pytest.approx(-3.1559, abs=1e-4)
    assert float(dec) + 28.0 == pytest.approx(0.8743, abs=1e-4)


def test_spacing_of_ccds_agrees_between_quadrants_on_the_tangent_plane() -> None:
    def spacing(one: str, other: str) -> float:
        return SECTIONS[one].east_deg - SECTIONS[other].east_deg

    north, south = spacing("NE_E", "NE_F"), spacing("SE_A", "SE_B")
    assert north == pytest.approx(south, rel=0.005)


def test_mapping_is_mirrored() -> None:
    ra, dec = nominal_mapping("SW_C", 150.0, -40.0).pixel_to_sky([0.0, 2047.0, 0.0], [0.0, 0.0, 4095.0])
    assert (ra[1] - ra[0]) * np.cos(np.radians(dec[0])) == pytest.approx(0.578, abs=0.003)
    assert dec[2] - dec[0] == pytest.approx(1.158, abs=0.002)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("20260409005320s_00014.fits.fz", True),
        ("20260409005320d_00014.fits", True),
        ("20260410004924sC3_00025_07.fits", True),
        ("20260410004924sC4_00025_07.fits", False),
        ("20260409005320s_00014.truth.fits", False),
        ("c4d_230804_031607_ori.fits.fz", False),
    ],
)
def test_recognised(ls4: Ls4, name: str, expected: bool) -> None:
    assert ls4.recognises(Path(name)) is expected


@pytest.mark.parametrize("per_controller", [8, 16])
def test_any_part_stands_for_the_exposure(ls4: Ls4, tmp_path: Path, per_controller: int) -> None:
    parts = [
        tmp_path / f"20260410004924sC{controller}_00025_{number:02d}.fits"
        for controller in range(4)
        for number in range(per_controller)
    ]
    for part in parts:
        part.touch()
    (tmp_path / "20260410004924sC0_00026_00.fits").touch()
    assert ls4.files_of(parts[-1]) == ls4.files_of(parts[3]) == tuple(parts)
    parts[5].unlink()
    with pytest.raises(InputError, match=r"lacks 1 of .*20260410004924sC0_00025_05\.fits$"):
        ls4.files_of(parts[0])


def test_header(ls4: Ls4, write: Callable[..., Path]) -> None:
    path = write(image(), image(CCD_LOC="NW_B"))
    header = ls4.read_header(ls4.files_of(path))
    assert header.kind == "science"
    assert header.mjd == pytest.approx(61139.0 + (53 * 60 + 20.5 + 22.5) / 86400.0, abs=1e-9)
    assert header.ra_deg == pytest.approx(187.5)
    assert header.dec_deg == -30.0
    assert header.filter == ""
    assert header.section_filters == {"NE_A": "i", "NW_B": "z"}
    assert (header.project, header.target) == ("", "")


@pytest.mark.parametrize(
    ("cards", "kind"),
    [
        ({"IMAGETYP": "dark", "EXPTIME": 0.0}, "bias"),
        ({"IMAGETYP": "dark"}, "dark"),
        ({"IMAGETYP": "pmskyflat"}, "flat"),
        ({"IMAGETYP": "amskyflat"}, "flat"),
        ({"IMAGETYP": "skyflat"}, "flat"),
    ],
)
def test_kinds_without_pointing(
    ls4: Ls4, write: Callable[..., Path], cards: dict[str, Any], kind: str
) -> None:
    path = write(image(**cards, **{"TELE-RA": None}))
    header = ls4.read_header((path,))
    assert (header.kind, header.ra_deg) == (kind, None)
    assert header.info["exposure_type"] == cards["IMAGETYP"]
    assert "airmass" not in header.info


@pytest.mark.parametrize(
    ("cards", "message"),
    [
        ({"STARTOBS": None}, "STARTOBS is missing"),
        ({"STARTOBS": "yesterday"}, "STARTOBS is 'yesterday'"),
        ({"EXPTIME": None}, "EXPTIME is missing"),
        ({"TELE-RA": None}, "TELE-RA is missing"),
        ({"IMAGETYP": "focus"}, "IMAGETYP is 'focus'"),
        ({"CCD_LOC": None}, "CCD_LOC is missing"),
        ({"CCD_LOC": "XX_A"}, "no image has a known CCD_LOC"),
    ],
)
def test_header_without(ls4: Ls4, write: Callable[..., Path], cards: dict[str, Any], message: str) -> None:
    path = write(image(**cards))
    with pytest.raises(InputError, match=message):
        ls4.read_header((path,))


def test_airmass_is_one_in_the_zenith_and_two_at_sixty_degrees() -> None:
    from astropy import units
    from astropy.coordinates import AltAz, EarthLocation, SkyCoord
    from astropy.time import Time

    from seechange_ls4.airmass import airmass_of

    location = EarthLocation.from_geodetic(-70.74167, -29.25444, 2347.0)
    frame = AltAz(obstime=Time(58900.1, format="mjd"), location=location)
    for altitude_deg, expected in ((90.0, 1.0), (30.0, 1.993)):
        sky = SkyCoord(az=40 * units.deg, alt=altitude_deg * units.deg, frame=frame).icrs
        assert airmass_of(sky.ra.deg, sky.dec.deg, 58900.1) == pytest.approx(expected, abs=0.002)


def test_read_out_to_the_left(ls4: Ls4, write: Callable[..., Path]) -> None:
    section = ls4.read((write(image()),), "NE_A")
    (amplifier,) = section.amplifiers
    assert (amplifier.data, amplifier.overscan) == (Box(0, 4096, 6, 2054), Box(0, 4096, 2054, 2074))
    assert amplifier.trimmed == Box(0, 4096, 0, 2048)
    assert (amplifier.gain, amplifier.saturation_adu) == (2.2, 20000.0)
    assert section.info["filter"] == "i"


@pytest.mark.parametrize("name", ["SE_C", "SE_D", "SE_E", "SE_F"])
def test_read_out_to_the_right(ls4: Ls4, write: Callable[..., Path], name: str) -> None:
    path = write(image(CCD_LOC=name, **{"HIERARCH amp_direction": "left"}))
    (amplifier,) = ls4.read((path,), name).amplifiers
    assert (amplifier.data, amplifier.overscan) == (Box(0, 4096, 20, 2068), Box(0, 4096, 0, 20))


def test_two_amplifiers_with_extra_rows(ls4: Ls4, write: Callable[..., Path]) -> None:
    path = write(image(1050, 4100, AMP_NAME="RIGHT"), image(1050, 4100, AMP_NAME="LEFT"))
    section = ls4.read((path,), "NE_A")
    left, right = section.amplifiers
    assert (left.name, right.name) == ("LEFT", "RIGHT")
    assert (left.trimmed, right.trimmed) == (Box(0, 4096, 0, 1024), Box(0, 4096, 1024, 2048))
    assert section.data[0, left.data.slices[1]][[0, -1]].tolist() == [6, 1029]
    assert section.data[0, right.data.slices[1]][[0, -1]].tolist() == [20, 1043]
    assert right.overscan == Box(0, 4096, 1050, 1070)
    assert (left.reversed_x, right.reversed_x) == (False, True)


def test_missing_amplifier(ls4: Ls4, write: Callable[..., Path]) -> None:
    path = write(image(1050, AMP_NAME="LEFT"))
    with pytest.raises(InputError, match=r"of CCD NE_A there must be one image, .*there is LEFT"):
        ls4.read((path,), "NE_A")


def test_missing_ccd(ls4: Ls4, write: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match=r"of CCD SW_H .*there is nothing"):
        ls4.read((write(image()),), "SW_H")


def test_wrong_width(ls4: Ls4, write: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match="2070 columns"):
        ls4.read((write(image(2070)),), "NE_A")


def test_files_that_change_are_read_again(ls4: Ls4, write: Callable[..., Path]) -> None:
    path = write(image())
    assert ls4.read_header((path,)).sections == ("NE_A",)
    path.unlink()
    write(image(CCD_LOC="NE_B"), image(CCD_LOC="NE_C"))
    assert ls4.read_header((path,)).sections == ("NE_B", "NE_C")


@pytest.mark.parametrize("kind", ["bias", "flat"])
def test_simulated_calibration_exposures(ls4: Ls4, tmp_path: Path, kind: str) -> None:
    path = ls4.write_simulated(tmp_path, seed=1, kind=kind, number=2, sections=("NE_A",))
    header = ls4.read_header(ls4.files_of(path))
    assert (header.kind, header.sections) == (kind, ("NE_A",))
    (amplifier,) = (raw := ls4.read((path,), "NE_A")).amplifiers
    assert amplifier.overscan is not None
    light, level = (np.median(raw.data[box.slices]) for box in (amplifier.data, amplifier.overscan))
    assert 2.2 * (light - level) == pytest.approx({"bias": 0.0, "flat": 20000.0}[kind], abs=200.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "amplifiers", "sections"),
    [("whole", 1, ("NE_A", "SE_C")), ("whole", 2, ("NW_F",)), ("parts", 1, ("SE_E",))],
)
def test_simulated_exposure_agrees_with_its_truth(
    ls4: Ls4, tmp_path: Path, form: str, amplifiers: int, sections: tuple[str, ...]
) -> None:
    path = ls4.write_simulated(tmp_path, seed=1, form=form, amplifiers=amplifiers, sections=sections)
    files = ls4.files_of(path)
    assert len(files) == (32 if form == "parts" else 1)
    truth = Table.read(next(tmp_path.glob("*.truth.fits")))
    for section in sections:
        raw = ls4.read(files, section)
        pixels = np.zeros((4096, 2048))
        for amplifier in raw.amplifiers:
            assert amplifier.overscan is not None
            assert amplifier.read_noise_electron == pytest.approx(9.02, rel=0.01)
            level = np.median(raw.data[amplifier.overscan.slices], axis=1, keepdims=True)
            pixels[amplifier.trimmed.slices] = (raw.data[amplifier.data.slices] - level) * amplifier.gain
        pixels -= np.median(pixels)
        inside = (truth["x"] > 20) & (truth["x"] < 2027) & (truth["y"] > 20) & (truth["y"] < 4075)
        chosen = inside & (truth["section"] == section) & (truth["kind"] == "star")
        stars = truth[chosen & (truth["magnitude"] > 14.5) & (truth["magnitude"] < 18)]
        assert len(stars) >= 5
        y, x = np.mgrid[-7:8, -7:8]
        offsets, ratios = [], []
        for star in stars:
            column, row = round(star["x"]), round(star["y"])
            stamp = pixels[row - 7 : row + 8, column - 7 : column + 8]
            mean = (stamp * x).sum() / stamp.sum(), (stamp * y).sum() / stamp.sum()
            offsets.append((mean[0] + column - star["x"], mean[1] + row - star["y"]))
            ratios.append(stamp.sum() / star["flux"])
        # Neighbours pull single centroids; a swapped or mirrored half would be off by hundreds of pixels.
        assert np.abs(np.median(offsets, axis=0)).max() < 0.06
        assert np.median(ratios) == pytest.approx(0.98, abs=0.06)
        mapping = ls4.first_mapping(raw.header, raw.info)
        assert mapping is not None
        seen_x, seen_y = mapping.sky_to_pixel(stars["ra"], stars["dec"])
        error_arcmin = np.hypot(seen_x - stars["x"], seen_y - stars["y"]) * 1.0177 / 60
        assert 1.0 < np.median(error_arcmin) < 3.0
