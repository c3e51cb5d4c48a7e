"""PSF models of PSFEx."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from seechange_core.api import Rejected
from seechange_core.builtin.psf_supplied import SuppliedPsf
from seechange_core.errors import InputError
from seechange_core.frames import Floats, Frame, SourceTable
from seechange_core.imaging.psf.psfex import psf_from_psfex

CARDS = {
    "POLNAXIS": 2,
    "POLNGRP": 1,
    "POLDEG1": 2,
    "POLZERO1": 31.0,
    "POLZERO2": -40.0,
    "POLSCAL1": 100.0,
    "POLSCAL2": 250.0,
    "PSF_SAMP": 1.0,
    "PSF_FWHM": 4.2,
}


def by_the_manual(cards: dict[str, Any], mask: Floats, x_image: float, y_image: float) -> Floats:
    """Sum of coefficient planes times products of powers, as PSFEx's manual gives it, in FITS coordinates."""
    x = (x_image - cards["POLZERO1"]) / cards["POLSCAL1"]
    y = (y_image - cards["POLZERO2"]) / cards["POLSCAL2"]
    total, plane = np.zeros(mask.shape[1:]), 0
    for power_y in range(cards["POLDEG1"] + 1):
        for power_x in range(cards["POLDEG1"] + 1 - power_y):
            total += mask[plane] * x**power_x * y**power_y
            plane += 1
    return total


def mask() -> Floats:
    return np.random.default_rng(1).normal(size=(6, 11, 11)).astype(np.float32).astype(np.float64)


def test_polynomial_is_that_of_the_manual() -> None:
    model = psf_from_psfex(CARDS, mask())
    # Pixel 0 of the model is pixel 1 of FITS.
    np.testing.assert_allclose(
        model.centred(69.0, 199.0), by_the_manual(CARDS, mask(), 70.0, 200.0), atol=1e-5
    )
    assert model.fwhm == 4.2


def test_both_layouts_give_the_same_model() -> None:
    columns = {key.lower(): np.array([value]) for key, value in CARDS.items()}
    one, other = psf_from_psfex(CARDS, mask()), psf_from_psfex(columns, mask()[None])
    np.testing.assert_array_equal(one.coefficients, other.coefficients)
    assert (one.x_zero, one.y_scale, one.degree) == (other.x_zero, other.y_scale, other.degree)


def test_fine_samples_are_spread_over_pixels() -> None:
    offset = np.arange(-30, 31) * 0.5
    profile = np.exp(-0.5 * (offset / 1.5) ** 2)
    samples = np.outer(profile, profile)
    model = psf_from_psfex({"POLDEG1": 0, "POLNGRP": 0, "PSF_SAMP": 0.5}, (samples / samples.sum())[None])
    assert model.size == 31
    assert model.stamp(10.3, 20.8).sum() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"PSF_SAMP": None}, "lacks PSF_SAMP"),
        ({"POLSCAL2": None}, "lacks POLSCAL2"),
        ({"POLDEG1": 3}, "needs 10"),
        ({"POLNAXIS": 3}, "3 variables"),
        ({"PSF_SAMP": "one"}, "not a number"),
        ({"PSF_SAMP": 0.0}, "must be positive"),
    ],
)
def test_what_cannot_be_used_is_named(change: dict[str, Any], message: str) -> None:
    cards = {key: value for key, value in (CARDS | change).items() if value is not None}
    with pytest.raises(InputError, match=message):
        psf_from_psfex(cards, mask())


def test_supplied_psf_is_needed_by_its_estimator() -> None:
    frame = Frame(*(np.ones((20, 20)) for _ in range(2)), np.zeros((20, 20)))
    with pytest.raises(Rejected, match="pixelgrid"):
        SuppliedPsf().measure(frame, SourceTable.empty(), None)


def test_real_files_of_both_layouts(test_data: Path) -> None:
    layouts = set()
    for path in sorted(test_data.rglob("*psfex*/**/*.fits")) + sorted(test_data.rglob("*-psfex.fits")):
        with fits.open(path) as hdus:
            table = hdus[1].data
            in_columns = "polzero1" in table.names
            keywords = {name: table[name] for name in table.names} if in_columns else dict(hdus[1].header)
            samples = np.asarray(table["psf_mask"], np.float64)[0]
        layouts.add(in_columns)
        supplied = psf_from_psfex(keywords, samples)
        cards = {key.upper(): np.ravel(value)[0] for key, value in keywords.items() if key.upper() in CARDS}
        expected = by_the_manual(cards, samples, 120.0, 90.0)
        np.testing.assert_allclose(supplied.centred(119.0, 89.0), expected, atol=1e-5)
        frame = Frame(*(np.ones((241, 241)) for _ in range(2)), np.zeros((241, 241)))
        model, metrics = SuppliedPsf().measure(frame, SourceTable.empty(), supplied)
        # PSFEx normalises the light of its stars, not that of its stamp.
        assert model.centred(120.0, 120.0).sum() == pytest.approx(1.0, abs=0.06)
        # PSF_FWHM is what PSFEx was told to expect, so only the order of magnitude is common.
        assert model.fwhm == pytest.approx(supplied.fwhm, rel=0.5)
        assert metrics["stars"] == []
    assert layouts == {True, False}
