"""A whole raw exposure: which of its CCDs are used, and what its filter needs of a star catalogue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from seechange_core.api import InputError
from seechange_core.frames import Frame, SkyMapping, SourceTable, StarTable
from seechange_core.registry import Registry
from seechange_decam import Decam
from seechange_decam.geometry import SECTIONS

FOCUS = [f"F{side}{number}" for side in "NS" for number in range(1, 5)]
SHAPE = (100, 100)


@pytest.fixture
def exposure(tmp_path: Path) -> Callable[[float], Path]:
    """Write the headers of an exposure of all CCDs, with a pixel each."""

    def write(mjd: float) -> Path:
        cards = {"INSTRUME": "DECam", "OBSTYPE": "object", "MJD-OBS": mjd, "EXPTIME": 30.0}
        cards |= {"FILTER": "Y DECam c0005 10095.0 1130.0", "RA": "10:00:24.0", "DEC": "+02:12:00.0"}
        hdus = [fits.ImageHDU(np.zeros((1, 1), np.uint16), name=name) for name in [*SECTIONS, *FOCUS]]
        path = tmp_path / "c4d_230804_031607_ori.fits"
        fits.HDUList([fits.PrimaryHDU(header=fits.Header(cards)), *hdus]).writeto(path, overwrite=True)
        return path

    return write


def test_all_ccds_but_the_focus_ccds_and_the_dead(decam: Decam, exposure: Callable[[float], Path]) -> None:
    header = decam.read_header((exposure(60160.0),))
    assert len(header.sections) == 62
    assert not set(header.sections) & set(FOCUS)
    used = [section for section in header.sections if not decam.sections[section].defective]
    assert len(used) == 60
    assert len(decam.read_header((exposure(57000.0),)).sections) == 61
    assert header.filter == "Y"
    assert header.info["exposure_type"] == "object"


@pytest.mark.parametrize("band", ["Y", "VR", "N964", "N708"])
def test_filter_without_transformation_asks_for_a_catalogue_with_it(decam: Decam, band: str) -> None:
    assert band not in decam.transformations
    photometry = Registry().component("calibrator", "zeropoint")()
    position = np.linspace(10.0, 90.0, 20)
    columns = {name: np.zeros(20) for name in SourceTable.COLUMNS}
    columns |= {"x": position, "y": position, "flux": np.full(20, 1e4), "flux_error": np.full(20, 100.0)}
    sources = SourceTable(columns | {"snr": np.full(20, 100.0), "is_star": np.ones(20)})
    mapping = SkyMapping((150.0, 2.0), (50.0, 50.0), np.diag([-7.3e-5, 7.3e-5]))
    ra, dec = mapping.pixel_to_sky(position, position)
    gaia = {"id": position.astype(str), "ra": ra, "dec": dec, "ra_error": 0 * ra, "dec_error": 0 * ra}
    gaia |= {f"mag_{name}": np.full(20, 16.0) for name in ("G", "BP", "RP")}
    ones = np.ones(SHAPE, np.float32)
    image = Frame(ones, ones, np.zeros(SHAPE, np.uint16), {"filter": band})
    stars = StarTable(gaia, {"epoch_mjd": 60000.0, "catalog": "gaia"})
    with pytest.raises(InputError, match=f"filter '{band}'.*choose a catalogue with it"):
        photometry.solve(image, sources, mapping, stars, None)
