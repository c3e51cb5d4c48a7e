"""Images written for other programs, read by astropy."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from seechange_core.builtin.fits_images import FitsImages
from seechange_core.frames import Frame, PhotometricSolution, SkyMapping
from seechange_core.store.formats.exported import exported_bytes

SHAPE = (300, 200)
SIP = np.zeros((4, 4))
SIP[2, 0], SIP[1, 1], SIP[0, 3] = 3e-6, -2e-6, 1e-9
MAPPING = SkyMapping((150.0, -30.0), (90.0, 140.0), np.diag([-0.26, 0.26]) / 3600.0, sip_a=SIP, sip_b=SIP.T)
RAW = {
    "CTYPE1": "RA---TPV",
    "CTYPE2": "DEC--TPV",
    "CRVAL1": 10.0,
    "PV1_7": 0.5,
    "LTV1": 7.0,
    "OBJECT": "field",
}
ZERO_POINT = PhotometricSolution(27.125, 0.002, 0.02, 40, "r")


def frame() -> Frame:
    pixels = np.arange(SHAPE[0] * SHAPE[1], dtype=np.float32).reshape(SHAPE)
    mask = np.zeros(SHAPE, np.uint16)
    mask[3, 4] = 2
    return Frame(pixels, pixels + 10.0, mask, {}, RAW)


@pytest.mark.parametrize(("distortion", "projection"), [("sip", "TAN-SIP"), ("tpv", "TPV")])
def test_other_programs_see_the_measured_wcs(distortion: Literal["sip", "tpv"], projection: str) -> None:
    x, y = (grid.ravel() for grid in np.meshgrid(np.linspace(0, 199, 7), np.linspace(0, 299, 7)))
    with fits.open(io.BytesIO(exported_bytes(frame(), MAPPING, ZERO_POINT, distortion))) as hdus:
        hdus.verify("exception")
        for hdu in hdus:
            assert hdu.header["CTYPE1"] == f"RA---{projection}"
            ra, dec = WCS(hdu.header).all_pix2world(x, y, 0)
            found = MAPPING.sky_to_pixel(ra, dec)
            np.testing.assert_allclose(found, (x, y), atol=1e-4)
        header = hdus[0].header
        assert (header["MAGZERO"], header["MAGZERR"], header["OBJECT"]) == (27.125, 0.002, "field")
        assert "PV1_7" not in header or header["PV1_7"] != 0.5
        assert "LTV1" not in header
        np.testing.assert_array_equal(hdus[0].data, frame().data)
        np.testing.assert_array_equal(hdus["VARIANCE"].data, frame().variance)
        np.testing.assert_array_equal(hdus["MASK"].data, frame().mask)


def test_exported_image_is_read_again_as_what_it_is(tmp_path: Path) -> None:
    """Whatever the camera's own header said of its ADU and its clock."""
    info = {
        "mjd": 61100.25,
        "exposure_s": 30.0,
        "filter": "r",
        "read_noise_electron": 6.5,
        "saturation_electron": 9e4,
    }
    raw = {
        **RAW,
        "GAIN": 1.7,
        "EGAIN": 1.8,
        "BUNIT": "adu",
        "DATE-OBS": "2026-02-28",
        "FILTER": "r.MP9602",
        "AIRMASS": 1.3,
    }
    image = frame().replaced(info=info, header=raw)
    path = tmp_path / "image.fits"
    path.write_bytes(exported_bytes(image, MAPPING, ZERO_POINT, "sip"))
    camera = FitsImages(FitsImages.Params(mask_extension="MASK"))
    header = camera.read_header((path,))
    assert header.mjd == pytest.approx(61100.25, abs=1e-9)
    assert (header.exposure_s, header.filter, header.header["AIRMASS"]) == (30.0, "r", 1.3)
    section = camera.read((path,), "image")
    (amplifier,) = section.amplifiers
    assert (amplifier.gain, amplifier.read_noise_electron, amplifier.saturation_adu) == (1.0, 6.5, 9e4)
    np.testing.assert_array_equal(section.data, image.data)
    np.testing.assert_array_equal(section.mask != 0, image.mask != 0)
    assert not {"EGAIN", "PV1_7"} & section.header.keys()
    found = camera.first_mapping(section.header, section.info).pixel_to_sky(150.0, 40.0)
    assert found == pytest.approx(MAPPING.pixel_to_sky(150.0, 40.0), abs=1e-8)


def test_a_zero_point_that_is_none_is_not_written() -> None:
    for photometry in (None, PhotometricSolution(25.0, 0.1, 0.1, 0, "r", calibrated=False)):
        with fits.open(io.BytesIO(exported_bytes(frame(), MAPPING, photometry, "sip"))) as hdus:
            assert "MAGZERO" not in hdus[0].header
