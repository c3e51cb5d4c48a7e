"""Sky mappings read from and written to FITS cards, against astropy."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from numpy.polynomial.polynomial import polyval2d

from seechange_core.errors import InputError
from seechange_core.frames import SkyMapping
from seechange_core.imaging.astrometry.wcs_cards import cards_from_mapping, mapping_from_cards

SHAPE = (1024, 700)
SCALE = 0.26 / 3600
X, Y = (grid.ravel() for grid in np.meshgrid(np.linspace(-0.5, 699.5, 9), np.linspace(-0.5, 1023.5, 9)))


def linear(**cards: Any) -> dict[str, Any]:
    base = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 359.99, "CRVAL2": -38.2}
    return base | {"CRPIX1": 350.2, "CRPIX2": 500.1, "NAXIS": 2, "NAXIS1": 700, "NAXIS2": 1024} | cards


CD = {"CD1_1": -SCALE, "CD1_2": 3e-6, "CD2_1": 2e-6, "CD2_2": SCALE}
PV = {"PV1_0": 1e-5, "PV1_1": 1.001, "PV1_4": 0.02, "PV1_7": -0.3}
PV |= {"PV2_1": 0.999, "PV2_5": 0.01, "PV2_10": 0.2}
SIP = {"A_ORDER": 3, "A_2_0": 3e-7, "A_1_1": -2e-7, "A_0_3": 1e-10}
SIP |= {"B_ORDER": 2, "B_0_2": 2e-7, "B_1_1": 4e-7}

FORMS = {
    "cd": linear(**CD),
    "pc": linear(CDELT1=-SCALE, CDELT2=SCALE, PC1_1=0.9, PC1_2=0.1, PC2_1=-0.1, PC2_2=0.9),
    "cdelt": linear(CDELT1=-SCALE, CDELT2=SCALE),
    "crota": linear(CDELT1=-SCALE, CDELT2=1.1 * SCALE, CROTA2=33.0),
    "sip": linear(**CD, **SIP) | {"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP"},
    "tpv": linear(**CD, **PV) | {"CTYPE1": "RA---TPV", "CTYPE2": "DEC--TPV"},
    "scamp": linear(**CD, **PV),
    "swapped": linear(**CD) | {"CTYPE1": "DEC--TAN", "CTYPE2": "RA---TAN", "CRVAL1": -38.2, "CRVAL2": 359.99},
}


def astropy_sky(cards: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    wcs = WCS(fits.Header(cards))
    world = wcs.all_pix2world(X, Y, 0)
    return world[wcs.wcs.lng], world[wcs.wcs.lat]


def distance_pixel(ra: np.ndarray, dec: np.ndarray, ra2: np.ndarray, dec2: np.ndarray) -> float:
    east = ((ra - ra2 + 180) % 360 - 180) * np.cos(np.radians(dec))
    return float(np.hypot(east, dec - dec2).max() / SCALE)


@pytest.mark.parametrize("form", FORMS)
def test_agrees_with_astropy(form: str) -> None:
    mapping = mapping_from_cards(FORMS[form])
    assert distance_pixel(*mapping.pixel_to_sky(X, Y), *astropy_sky(FORMS[form])) < 1e-6


@pytest.mark.parametrize("form", FORMS)
def test_written_cards_mean_the_same_to_astropy(form: str) -> None:
    mapping = mapping_from_cards(FORMS[form])
    cards = cards_from_mapping(mapping, SHAPE)
    assert distance_pixel(*mapping.pixel_to_sky(X, Y), *astropy_sky(cards)) < 1e-6
    again = mapping_from_cards(cards)
    assert distance_pixel(*mapping.pixel_to_sky(X, Y), *again.pixel_to_sky(X, Y)) < 1e-6


def test_written_inverse_terms_invert_sip() -> None:
    mapping = mapping_from_cards(FORMS["sip"])
    cards = cards_from_mapping(mapping, SHAPE)
    focal = np.linalg.inv(mapping.cd) @ np.stack(mapping.pixel_to_plane(X, Y))
    for axis, (name, wanted) in enumerate((("AP", X), ("BP", Y))):
        powers = range(cards[f"{name}_ORDER"] + 1)
        matrix = [[cards.get(f"{name}_{p}_{q}", 0.0) for q in powers] for p in powers]
        pixel = focal[axis] + polyval2d(*focal, matrix) + mapping.crpix[axis]
        # The inverse of a polynomial is none; one degree more leaves this much over the image.
        assert np.abs(pixel - wanted).max() < 1e-3


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"CTYPE1": "GLON-TAN"}, "CTYPE1"),
        ({"CTYPE1": "RA---ZEA", "CTYPE2": "DEC--ZEA"}, "CTYPE1"),
        ({"CRVAL1": "here"}, "CRVAL1"),
        ({"RADESYS": "FK4"}, "RADESYS"),
        ({"EQUINOX": 1950.0}, "EQUINOX"),
        ({"CUNIT1": "arcsec"}, "CUNIT1"),
        ({"LONPOLE": 90.0}, "LONPOLE"),
        ({"CD1_1": 0.0, "CD1_2": 0.0}, "CD matrix"),
    ],
)
def test_what_cannot_be_read_is_named(change: dict[str, Any], names: str) -> None:
    with pytest.raises(InputError, match=names):
        mapping_from_cards(linear(**CD) | change)


def test_missing_card_is_named_with_its_file() -> None:
    cards = linear(**CD)
    del cards["CRPIX2"]
    with pytest.raises(InputError, match=r"night\.fits has no CRPIX2"):
        mapping_from_cards(cards, "night.fits")


def test_sip_and_tpv_together_cannot_be_written() -> None:
    both = SkyMapping((1.0, 2.0), (0.0, 0.0), np.eye(2) * SCALE, sip_a=np.full((3, 3), 1e-9), pv1=(0.0, 1.0))
    with pytest.raises(ValueError, match="SIP and TPV"):
        cards_from_mapping(both, SHAPE)


def astropy_pixels(cards: dict[str, Any], ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    wcs = WCS(fits.Header(cards))
    world = np.empty((len(ra), 2))
    world[:, wcs.wcs.lng], world[:, wcs.wcs.lat] = ra, dec
    x, y = wcs.all_world2pix(world, 0, tolerance=1e-8, maxiter=50).T
    return x, y


@pytest.mark.parametrize("written", ["sip", "tpv"])
@pytest.mark.parametrize("form", FORMS)
def test_either_form_of_distortion_is_the_same_to_astropy(form: str, written: Literal["sip", "tpv"]) -> None:
    mapping = mapping_from_cards(FORMS[form])
    cards = cards_from_mapping(mapping, SHAPE, written)
    distorted = form in {"sip", "tpv", "scamp"}
    assert cards["CTYPE1"] == (
        "RA---TAN" if not distorted else "RA---TPV" if written == "tpv" else "RA---TAN-SIP"
    )
    ra, dec = mapping.pixel_to_sky(X, Y)
    assert distance_pixel(ra, dec, *astropy_sky(cards)) < 1e-4
    x, y = astropy_pixels(cards, ra, dec)
    assert np.hypot(x - X, y - Y).max() < 1e-4


@pytest.mark.parametrize("form", ["sip", "tpv", "scamp"])
def test_there_and_back_through_the_other_form(form: str) -> None:
    mapping = mapping_from_cards(FORMS[form])
    for there, back in (("sip", "tpv"), ("tpv", "sip")):
        once = mapping_from_cards(cards_from_mapping(mapping, SHAPE, there))
        twice = mapping_from_cards(cards_from_mapping(once, SHAPE, back))
        assert distance_pixel(*mapping.pixel_to_sky(X, Y), *twice.pixel_to_sky(X, Y)) < 1e-4


def test_sip_beyond_what_tpv_has_is_an_error() -> None:
    a = np.zeros((9, 9))
    a[8, 0] = 1e-25
    mapping = SkyMapping((1.0, 2.0), (0.0, 0.0), np.eye(2) * SCALE, sip_a=a, sip_b=a)
    with pytest.raises(ValueError, match="degree 8"):
        cards_from_mapping(mapping, SHAPE, "tpv")
