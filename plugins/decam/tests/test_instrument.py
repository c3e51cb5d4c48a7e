"""Geometry, filters, file names and headers."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import Angle

from seechange_core.api import InputError
from seechange_decam import Decam
from seechange_decam.geometry import SECTIONS, nominal_mapping, working_sections


def test_focal_plane() -> None:
    assert len(SECTIONS) == 62
    assert {geometry.shape for geometry in SECTIONS.values()} == {(4096, 2048)}
    assert {section for section, geometry in SECTIONS.items() if geometry.defective} == {"S7", "N30"}
    assert all((geometry.north_deg > 0) == section.startswith("S") for section, geometry in SECTIONS.items())


def test_ccds_form_a_regular_grid_on_the_tangent_plane() -> None:
    """The measured offsets in right ascension and declination do so only once they are projected."""
    for row in ("N1 N2 N3 N4 N5 N6 N7", "S1 S2 S3 S4 S5 S6 S7", "S29 S30 S31", "N8 N9 N10 N11 N12 N13"):
        east = [SECTIONS[section].east_deg for section in row.split()]
        north = [SECTIONS[section].north_deg for section in row.split()]
        # What remains is the distortion, and the turn of the camera in the exposure that was measured.
        straight = np.polyval(np.polyfit(east, north, 1), east)
        assert np.abs(north - straight).max() * 3600 < 3.0
        assert np.ptp(np.diff(east)) * 3600 < 8.0
    width = {end: SECTIONS[f"{end}31"].east_deg - SECTIONS[f"{end}29"].east_deg for end in "NS"}
    assert abs(width["N"] - width["S"]) * 3600 < 3.0


def test_site_is_in_the_west() -> None:
    assert Decam.site is not None
    assert Decam.site.longitude_deg == pytest.approx(-70.81489)
    assert Decam.site.latitude_deg == pytest.approx(-30.16606)


def test_s30_is_left_out_while_it_was_dead() -> None:
    assert "S30" in working_sections(56500.0)
    assert "S30" not in working_sections(57000.0)
    assert "S30" in working_sections(57800.0)


def test_nominal_mapping_has_the_orientation_of_the_camera() -> None:
    mapping = nominal_mapping("N4", 150.0, 2.0)
    ra, dec = mapping.pixel_to_sky([1023.5, 1023.5, 1123.5], [2047.5, 2147.5, 2047.5])
    assert ra[1] > ra[0]
    assert dec[2] < dec[0]
    assert (ra[1] - ra[0]) * math.cos(math.radians(2.0)) * 3600 == pytest.approx(100 * 0.2637, rel=0.002)
    corner = nominal_mapping("S29", 150.0, 2.0)
    x, y = corner.plane_to_pixel(SECTIONS["S29"].east_deg, SECTIONS["S29"].north_deg)
    assert (x, y) == (pytest.approx(1023.5), pytest.approx(2047.5))
    step = np.hypot(*np.diff(corner.pixel_to_plane([1023.5, 1023.5], [2047.5, 2048.5]), axis=1))
    assert float(step[0]) * 3600 == pytest.approx(0.2633, abs=0.0005)


@pytest.mark.parametrize(
    ("band", "colour", "expected"),
    [
        # G - 0.1178631039 + 0.3650113495 + 0.5608615360 - 0.2850687702 - 1.0243473939 + 1.4378375491 + 0.0679401731
        # - 1.1713172509 + 0.9107811975 - 0.3374324004 + 0.0683946390 - 0.0073089582 + 0.0003230170 at BP - RP = 1
        ("g", 1.0, 18.0 + 0.4678115837),
        # G + 0.4811198057 - 0.9990015041 + 0.1403990019 + 0.2150988888 - 0.2917655866 + 0.1326831887 - 0.0259205004
        # + 0.0018548776
        ("z", 1.0, 18.0 - 0.3455318284),
        ("r", 0.0, 18.0 + 0.1139078673),
        # Clipped to BP - RP = -0.6: BP - 0.4142425 + 0.7911692 + 1.7725388 + 0.5539025 + 0.0508106
        ("u", -3.0, 18.0 + 2.7541786),
    ],
)
def test_gaia_transformation(decam: Decam, band: str, colour: float, expected: float) -> None:
    transformation = decam.transformations[band]
    clipped = min(max(colour, transformation.colour_min), transformation.colour_max)
    magnitude = 18.0 + sum(value * clipped**power for power, value in enumerate(transformation.coefficients))
    assert magnitude == pytest.approx(expected, abs=1e-6)
    assert transformation.base == ("BP" if band == "u" else "G")


def test_filters_without_transformation(decam: Decam) -> None:
    assert set(decam.transformations) == {"u", "g", "r", "i", "z"}
    assert set(decam.filters) - set(decam.transformations) == {"Y", "VR", "N964", "N708"}


def test_every_filter_has_a_central_wavelength_in_its_order(decam: Decam) -> None:
    broad = [decam.wavelengths_nm[band] for band in "ugrizY"]
    assert broad == sorted(broad)
    assert set(decam.wavelengths_nm) == set(decam.filters)
    # "Y DECam c0005 10095.0 1130.0" is in angstrom.
    assert decam.wavelengths_nm["Y"] == 1009.5


def test_names_that_calibration_files_use(decam: Decam) -> None:
    assert decam.section_named("1") == "S29"
    assert decam.section_named("N31") == "N31"
    assert decam.amplifier_named("ccd25A") == ("S1", "A")
    assert decam.amplifier_named("N4B") == ("N4", "B")
    for name in ("ccd63A", "ccd25C", "FS1A"):
        with pytest.raises(InputError):
            decam.amplifier_named(name)


@pytest.mark.parametrize(
    "name",
    [
        "c4d_230804_031607_ori.fits.fz",
        "c4d_230804_031607_zri.fits.fz",
        "c4d_180212_083009_ooi_z_ls9.fits.fz",
        "c4d_180212_083009_oow_VR_v1.fits",
        "c4d_180212_083009_ood_z_ls9.N3.fits",
        "c4d_150411_035242_ooi_z_v1-N3.fits",
    ],
)
def test_recognised(decam: Decam, name: str) -> None:
    assert decam.recognises(Path(name))


@pytest.mark.parametrize(
    "name",
    [
        "c4d_180212_083009_ooi_z_ls9-N3-psfex.fits",
        "c4d_180212_083009_ooi_z_ls9-N3-splinesky.fits",
        "c4d_230804_031607_ori.truth.fits",
        "c4d_180212_083009_opi_z_ls9.fits.fz",
        "20260409005320s_00014.fits.fz",
    ],
)
def test_not_recognised(decam: Decam, name: str) -> None:
    assert not decam.recognises(Path(name))


def test_files_of_any_part_of_a_product(decam: Decam, write_product: Callable[..., Path]) -> None:
    image = write_product(np.zeros((6, 8)), np.ones((6, 8)))
    names = [image.name.replace("_ooi_", f"_{kind}_") for kind in ("ooi", "oow", "ood")]
    for name in names:
        assert [path.name for path in decam.files_of(image.with_name(name))] == names


def test_companions_may_be_compressed_otherwise(decam: Decam, write_product: Callable[..., Path]) -> None:
    image = write_product(np.zeros((6, 8)))
    mask = image.with_name(image.name.replace("_ooi_", "_ood_"))
    compressed = mask.rename(mask.with_name(mask.name + ".gz"))
    assert decam.files_of(image) == (image, compressed)


def test_weight_without_image(decam: Decam, write_product: Callable[..., Path]) -> None:
    image = write_product(None, np.ones((6, 8)))
    image.unlink()
    with pytest.raises(InputError, match=r"_ooi_z_ls9\.N3\.fits is missing"):
        decam.files_of(image.with_name(image.name.replace("_ooi_", "_oow_")))


def test_header(decam: Decam, write_product: Callable[..., Path]) -> None:
    header = decam.read_header((write_product(),))
    assert header.kind == "science"
    assert header.mjd == pytest.approx(58161.25 + 60.0 / 86400.0, abs=1e-9)
    assert header.exposure_s == 120.0
    assert header.filter == "z"
    assert header.ra_deg == pytest.approx(Angle("12:28:09.120 hours").deg, abs=1e-9)
    assert header.dec_deg == pytest.approx(Angle("-00:33:46.800 degrees").deg, abs=1e-9)
    assert header.sections == ("N3",)
    assert (header.project, header.target) == ("2014B-0404", "field")
    assert header.processing == "calibrated"
    assert header.info["airmass"] == 1.8


@pytest.mark.parametrize(
    ("keyword", "value", "message"),
    [
        ("MJD-OBS", None, "MJD-OBS is missing"),
        ("EXPTIME", "long", "EXPTIME is 'long'"),
        ("RA", "187.03", "RA is '187.03', not sexagesimal"),
        ("OBSTYPE", "focus", "OBSTYPE is 'focus'"),
        ("INSTRUME", "mosaic", "INSTRUME is 'mosaic'"),
        ("FILTER", None, "FILTER is missing"),
    ],
)
def test_header_without(
    decam: Decam, write_product: Callable[..., Path], keyword: str, value: object, message: str
) -> None:
    path = write_product(**{keyword: value})
    with pytest.raises(InputError, match=message):
        decam.read_header((path,))


def test_bias_has_neither_filter_nor_pointing(decam: Decam, write_product: Callable[..., Path]) -> None:
    header = decam.read_header((write_product(OBSTYPE="zero", FILTER=None, RA=None, EXPTIME=0.0),))
    assert (header.kind, header.filter, header.ra_deg) == ("bias", "", None)
