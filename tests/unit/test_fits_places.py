"""Finding one extension of a FITS file by its place in the file, against astropy's own reading."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from seechange_core.api.fits_files import extension_names, read_cards, read_pixels
from seechange_core.api.fits_places import hdu_places
from seechange_core.errors import InputError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Images, compressed and not, scaled and not, a table, and a name with a quote."""
    rng = np.random.default_rng(1)
    counts = rng.integers(900, 60000, (40, 30)).astype(np.uint16)
    hdus = fits.HDUList(
        [
            fits.PrimaryHDU(rng.normal(size=(3, 5)), fits.Header({"EXPTIME": 30.0})),
            fits.CompImageHDU(counts, name="n1", compression_type="RICE_1"),
            fits.BinTableHDU(Table({"a": [1, 2]}), name="LIST"),
            fits.ImageHDU(counts + 1, fits.Header({"GAIN": 2.0}), name="IT'S"),
            fits.ImageHDU(rng.normal(size=(7, 9)).astype(np.float32)),
        ]
    )
    hdus.writeto(tmp_path / "some.fits")
    return tmp_path / "some.fits"


def test_every_extension_is_what_astropy_reads(path: Path) -> None:
    with fits.open(path) as hdus:
        assert extension_names(path) == tuple(hdu.name for hdu in hdus[1:])
        for extension in (0, 1, 3, 4, "N1", "n1", "IT'S"):
            assert np.array_equal(read_pixels(path, extension), hdus[extension].data.astype(np.float32))
            keys = {key for key in hdus[extension].header if key not in ("", "COMMENT", "HISTORY")}
            assert set(read_cards(path, extension)) <= keys
        assert read_cards(path, "IT'S")["GAIN"] == 2.0
    assert [place.end for place in hdu_places(path)][-1] == path.stat().st_size


def test_what_is_missing_is_told(path: Path) -> None:
    with pytest.raises(InputError, match=r"no extension 'N2'; it has .*N1"):
        read_pixels(path, "N2")
    with pytest.raises(InputError, match="2 axes is needed"):
        read_pixels(path, "LIST")


def test_truncated_file(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: hdu_places(path)[3].start + 2880 + 1000])
    assert read_pixels(path, "N1").shape == (40, 30)
    with pytest.raises(InputError, match="truncated"):
        read_pixels(path, 3)


def test_file_that_changed_is_looked_at_again(path: Path) -> None:
    assert len(hdu_places(path)) == 5
    fits.PrimaryHDU(np.zeros((2, 2))).writeto(path, overwrite=True)
    assert len(hdu_places(path)) == 1


def test_compressed_as_a_whole_or_no_fits(path: Path, tmp_path: Path) -> None:
    with fits.open(path) as hdus:
        hdus.writeto(tmp_path / "some.fits.gz")
    assert hdu_places(tmp_path / "some.fits.gz") == ()
    assert read_pixels(tmp_path / "some.fits.gz", "N1").shape == (40, 30)
    assert extension_names(tmp_path / "some.fits.gz") == extension_names(path)
    (tmp_path / "text.fits").write_text("no FITS at all")
    with pytest.raises(InputError, match="cannot be read as FITS"):
        read_pixels(tmp_path / "text.fits", "N1")
