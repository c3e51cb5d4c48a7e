"""The header of a real raw exposure, and the constants of all amplifiers against the camera's geometry files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from seechange_core.frames import Box, MaskPlane
from seechange_decam import Decam
from seechange_decam.geometry import CCD_NUMBERS, SECTIONS, table_rows
from seechange_decam.headers import first_mapping
from seechange_decam.raw import _amplifier, read_raw
from seechange_decam.simulated_headers import amplifiers_of

# CCD S1 of exposure 200666 (2013-04-22), as the data model of the Legacy Surveys documents it (desidatamodel).
S1 = {
    "EXTNAME": "S1",
    "CCDNUM": 25,
    "CCDSECA": "[1025:2048,1:4096]",
    "AMPSECA": "[2048:1025,4096:1]",
    "DATASECA": "[1081:2104,51:4146]",
    "TRIMSECA": "[1081:2104,51:4146]",
    "BIASSECA": "[2105:2154,51:4146]",
    "CCDSECB": "[1:1024,1:4096]",
    "AMPSECB": "[1:1024,4096:1]",
    "DATASECB": "[57:1080,51:4146]",
    "TRIMSECB": "[57:1080,51:4146]",
    "BIASSECB": "[7:56,51:4146]",
    "GAINA": 4.59347726229,
    "RDNOISEA": 7.17960496096,
    "SATURATA": 43266.0,
    "GAINB": 4.4014084507,
    "RDNOISEB": 7.01628521127,
    "SATURATB": 44935.0,
    "LTV1": 56.0,
    "LTV2": 50.0,
    "CTYPE1": "RA---TPV",
    "CTYPE2": "DEC--TPV",
    "CRVAL1": 237.447283,
    "CRVAL2": 5.717611,
    "CRPIX1": 2151.2,
    "CRPIX2": 14826.0,
    "CD1_1": -1.8249413473e-07,
    "CD1_2": 7.28535892432e-05,
    "CD2_1": -7.28499004539e-05,
    "CD2_2": -1.82181666096e-07,
} | {
    f"PV{axis}_{number}": value
    for axis, values in {
        1: (
            *(0.0107262491558, 1.03899426784, -0.00253295758814, 0.0, 0.0440579429998, -0.00480948264558),
            *(0.00735227852542, 0.01641672826, -0.00253592468977, 0.00562233785525, -0.00235436587955),
        ),
        2: (
            *(-0.000677378816994, 1.01170064187, -0.00154844123095, 0.0, -0.000974573910792, 0.015516347937),
            *(-0.00176930825331, -0.00664988058298, -0.00246200658752, 0.00641298947322, -0.000605534691727),
        ),
    }.items()
    for number, value in enumerate(values)
}


def test_amplifiers() -> None:
    a, b = (_amplifier(S1, name, "S1") for name in "AB")
    assert (a.data, a.trimmed) == (Box(50, 4146, 1080, 2104), Box(0, 4096, 1024, 2048))
    assert (b.data, b.trimmed) == (Box(50, 4146, 56, 1080), Box(0, 4096, 0, 1024))
    assert (a.overscan, b.overscan) == (Box(50, 4146, 2104, 2154), Box(50, 4146, 6, 56))
    assert (a.reversed_x, a.reversed_y, b.reversed_x, b.reversed_y) == (True, True, False, True)
    assert not any((a.flip_x, a.flip_y, b.flip_x, b.flip_y))


def test_wcs_is_in_pixels_of_the_trimmed_ccd() -> None:
    """Its centre is then where the geometry has it; as pixels of the raw frame it would be off by 15 arcsec more."""
    geometry = SECTIONS["S1"]

    def error_arcsec(x: float, y: float) -> float:
        xi, eta = first_mapping(S1, "S1").pixel_to_plane(x, y)
        return float(np.hypot(xi - geometry.east_deg, eta - geometry.north_deg)) * 3600

    # The exposure that the geometry was measured on was turned against others.
    assert error_arcsec(1023.5, 2047.5) < 12.0
    assert error_arcsec(1023.5 + 56, 2047.5 + 50) > 24.0


def test_an_amplifier_that_is_declared_invalid_is_masked(simulated: Path, tmp_path: Path) -> None:
    path = tmp_path / simulated.name
    with fits.open(simulated) as hdus:
        header = hdus["N4"].header
        header["VALIDB"] = False
        fits.HDUList([hdus[0], fits.ImageHDU(hdus["N4"].data, header, name="N4")]).writeto(path)
    raw = read_raw(path, "N4")
    assert raw.mask is not None
    a, b = (raw.mask[amplifier.data.slices] for amplifier in raw.amplifiers)
    assert not a.any()
    assert (b == MaskPlane.BAD).all()


@pytest.fixture(scope="module")
def tables(test_data: Path) -> Path:
    return test_data / "decam_calib"


def test_constants_and_boxes_of_all_amplifiers(tables: Path) -> None:
    constants = {row["section"]: row for row in table_rows("amplifiers.csv")}
    assert set(constants) == set(SECTIONS)
    for section in SECTIONS:
        for row in fits.getdata(tables / "camGeom" / f"{section}.fits"):
            (amplifier,) = [one for one in amplifiers_of(section) if one.name == row["name"]]
            assert amplifier.gain == pytest.approx(row["gain"])
            assert amplifier.read_noise_electron == pytest.approx(row["readnoise"])
            assert amplifier.saturation_adu == pytest.approx(row["saturation"])
            assert (amplifier.data.x0, amplifier.data.y0) == (
                row["raw_databbox_min_x"],
                row["raw_databbox_min_y"],
            )
            assert amplifier.overscan is not None
            assert amplifier.overscan.x0 == row["raw_horizontaloverscanbbox_min_x"]
            assert amplifier.trimmed.x0 == row["bbox_min_x"]
            # 0 to 3: lower left, lower right, upper right, upper left.
            corner = (row["readoutcorner"] in (1, 2), row["readoutcorner"] in (2, 3))
            assert (amplifier.reversed_x, amplifier.reversed_y) == corner


def test_amplifiers_of_the_crosstalk_table_are_known(decam: Decam, tables: Path) -> None:
    lines = (tables / "DECam_xtalk_20130606.txt").read_text().splitlines()
    pairs = [line.split()[:2] for line in lines if line.startswith("ccd")]
    assert len(pairs) == 249
    for pair in pairs:
        for name in pair:
            section, amplifier = decam.amplifier_named(name)
            assert name == f"ccd{CCD_NUMBERS[section]:02d}{amplifier}"
