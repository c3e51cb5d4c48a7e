"""Where PSFEx models are looked for, and what is wrong with some."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from seechange_core.api import InputError
from seechange_decam import Decam, DecamParams

STEM = "c4d_180212_060000_ooi_z_ls9"


def write_model(path: Path, sections: tuple[str, ...] = ()) -> None:
    """Write a model with its numbers as cards, or with one row a CCD."""
    mask = np.zeros((1, 1, 5, 5), np.float32)
    mask[0, 0, 2, 2] = 1.0
    path.parent.mkdir(parents=True, exist_ok=True)
    if not sections:
        column = fits.Column("PSF_MASK", "25E", dim="(5,5,1)", array=mask)
        cards = {"POLDEG1": 0, "PSF_SAMP": 1.0, "PSF_FWHM": 4.0}
        fits.BinTableHDU.from_columns([column], fits.Header(cards)).writeto(path)
        return
    n = len(sections)
    columns = [
        fits.Column("psf_mask", "25E", dim="(5,5,1)", array=np.repeat(mask, n, axis=0)),
        fits.Column("poldeg1", "K", array=[0] * n),
        fits.Column("psf_samp", "D", array=[1.0] * n),
        fits.Column("psf_fwhm", "D", array=np.arange(n) + 3.0),
        fits.Column("ccdname", "4A", array=sections),
    ]
    fits.BinTableHDU.from_columns(columns).writeto(path)


@pytest.fixture
def image(write_product: Callable[..., Path], tmp_path: Path) -> Path:
    """An image in a tree like that of a survey."""
    folder = tmp_path / "images" / "decam" / "CP"
    folder.mkdir(parents=True)
    path = write_product()
    return path.rename(folder / path.name)


@pytest.mark.parametrize(
    "place",
    [
        f"images/decam/CP/{STEM}-N3-psfex.fits",
        f"calib/decam/CP/{STEM}/{STEM}-N3-psfex.fits",
        f"calib/psfex/decam/CP/{STEM}-psfex.fits",
        f"calib/psfex-single/decam/CP/{STEM}/{STEM}-N3-psfex.fits",
    ],
)
def test_found(decam: Decam, image: Path, tmp_path: Path, place: str) -> None:
    assert decam.supplied_psf((image,), "N3") is None
    write_model(tmp_path / place)
    psf = decam.supplied_psf((image,), "N3")
    assert psf is not None
    assert psf.fwhm == 4.0


def test_row_of_the_ccd_is_taken(decam: Decam, image: Path, tmp_path: Path) -> None:
    write_model(tmp_path / f"calib/psfex/decam/CP/{STEM}-psfex.fits", ("N2", "N3"))
    psf = decam.supplied_psf((image,), "N3")
    assert psf is not None
    assert psf.fwhm == 4.0


def test_model_of_other_ccds(decam: Decam, image: Path, tmp_path: Path) -> None:
    write_model(tmp_path / f"calib/psfex/decam/CP/{STEM}-psfex.fits", ("N2", "S4"))
    with pytest.raises(InputError, match="no model for N3, only for N2, S4"):
        decam.supplied_psf((image,), "N3")


def test_named_folder_without_model(image: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="psf_folder"):
        Decam(DecamParams(psf_folder=tmp_path)).supplied_psf((image,), "N3")


def test_raw_exposures_have_none(decam: Decam, simulated: Path) -> None:
    assert decam.supplied_psf((simulated,), "N4") is None
