"""Files of DECam to test with: real cut-outs, a simulated raw exposure, small invented products."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from seechange_decam import Decam

PRIMARY: dict[str, Any] = {
    "INSTRUME": "DECam",
    "OBSTYPE": "object",
    "PROCTYPE": "InstCal",
    "PLVER": "V4.8.2",
    "FILTER": "z DECam SDSS c0004 9260.0 1520.0",
    "MJD-OBS": 58161.25,
    "EXPTIME": 120.0,
    "RA": "12:28:09.120",
    "DEC": "-00:33:46.800",
    "OBJECT": "field",
    "PROPID": "2014B-0404",
    "AIRMASS": 1.8,
}
SECTION: dict[str, Any] = {
    "GAINA": 3.8,
    "GAINB": 4.2,
    "RDNOISEA": 5.0,
    "RDNOISEB": 7.0,
    "SATURATE": 40000.0,
}
SHAPE = (6, 8)


@pytest.fixture(scope="session")
def decam() -> Decam:
    return Decam()


@pytest.fixture(scope="session")
def simulated(decam: Decam, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A raw exposure with a CCD on either side of the boresight."""
    return decam.write_simulated(tmp_path_factory.mktemp("raw"), seed=1, galaxies_per_arcmin2=0.2)


@pytest.fixture
def write_product(tmp_path: Path) -> Callable[..., Path]:
    """Write a product of one small CCD; planes that are None are left out."""

    def write(
        quality: np.ndarray | None = None,
        weight: np.ndarray | None = None,
        image: np.ndarray | None = None,
        **primary: Any,
    ) -> Path:
        planes = {"ooi": np.full(SHAPE, 900.0) if image is None else image, "oow": weight, "ood": quality}
        for kind, plane in planes.items():
            if plane is None:
                continue
            cards = {key: value for key, value in (PRIMARY | primary).items() if value is not None}
            dtype = np.int32 if kind == "ood" else np.float32
            extension = fits.ImageHDU(plane.astype(dtype), fits.Header(SECTION), name="N3")
            hdus = fits.HDUList([fits.PrimaryHDU(header=fits.Header(cards)), extension])
            hdus.writeto(tmp_path / f"c4d_180212_060000_{kind}_z_ls9.N3.fits", overwrite=True)
        return tmp_path / "c4d_180212_060000_ooi_z_ls9.N3.fits"

    return write


@pytest.fixture(scope="session")
def cutouts(test_data: Path) -> list[Path]:
    """The nine exposures of one field, without the older reduction of one of them."""
    found = [
        path
        for field in ("testcase4", "testcase4-history")
        for path in sorted((test_data / "decam_cutouts" / field / "images").rglob("*_ooi_*.fits"))
        if "_v1" not in path.name
    ]
    assert len(found) == 9
    return found
