"""Real astrometry: the WCS of DECam's cutouts against Gaia, and a distortion fitted to a matched catalogue of LCO."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table

from seechange_core.api import CatalogRegion
from seechange_core.builtin.catalog_file import FileCatalog, FileCatalogParams
from seechange_core.frames import SkyMapping
from seechange_core.imaging.astrometry.astrometric_fit import fit_mapping
from seechange_core.imaging.astrometry.proper_motion import at_epoch
from seechange_core.imaging.astrometry.wcs_cards import cards_from_mapping, mapping_from_cards
from seechange_core.imaging.psf.stellar_width import weighted_moments
from seechange_core.imaging.robust import scatter

Record = Callable[[str, float, str], None]


def star_offsets(image: Path, gaia: Path) -> np.ndarray:
    """Offsets (pixel, shape (n, 2)) of bright stars' centroids from where the header's WCS has Gaia's positions."""
    with fits.open(image) as hdus:
        cards = dict(hdus[0].header) | dict(hdus[1].header)
        pixels = np.asarray(hdus[1].data, np.float32)
    pixels -= np.median(pixels)
    ny, nx = pixels.shape
    mapping = mapping_from_cards(cards, image.name)
    ra, dec = mapping.pixel_to_sky([(nx - 1) / 2], [(ny - 1) / 2])
    region = CatalogRegion(float(ra[0]), float(dec[0]), 0.05, 20.5)
    stars = FileCatalog(FileCatalogParams(path=str(gaia))).fetch(region)
    assert "parallax" in stars
    stars = at_epoch(stars, cards["MJD-OBS"])
    x, y = mapping.sky_to_pixel(stars["ra"], stars["dec"])
    x, y = (axis[(x > 8) & (x < nx - 9) & (y > 8) & (y < ny - 9)] for axis in (x, y))
    moments = weighted_moments(pixels, np.zeros(pixels.shape, bool), x, y, 4.0)
    peak = np.array(
        [pixels[int(j) - 3 : int(j) + 5, int(i) - 3 : int(i) + 5].max() for i, j in zip(x, y, strict=True)]
    )
    clear = (peak > 20 * scatter(pixels)) & (peak < 0.7 * cards["SATURATE"]) & np.isfinite(moments.x)
    return np.stack([moments.x - x, moments.y - y], axis=1)[clear]


def test_wcs_of_decam_cutouts_is_gaias(test_data: Path, record_figure: Record) -> None:
    worst, n_images = 0.0, 0
    for image in sorted((test_data / "decam_cutouts").glob("testcase*/images/**/*_ooi_*.fits")):
        field = image.relative_to(test_data / "decam_cutouts").parts[0].removesuffix("-history")
        gaia = test_data / "decam_cutouts" / field / "gaia"
        if not gaia.is_dir():
            continue
        offsets = star_offsets(image, gaia)
        if len(offsets) == 0:
            continue
        offset = float(np.hypot(*np.median(offsets, axis=0)))
        if "_v1" in image.name:
            # The older reduction is known to be off by a pixel: this measurement would notice.
            assert offset > 0.7
            continue
        worst, n_images = max(worst, offset), n_images + 1
        assert offset < 0.3, image.name
    record_figure("decam_wcs_worst_offset", worst, "pixel")
    record_figure("decam_wcs_images", n_images, "")
    # The other cutouts are too small to have a bright star of Gaia's.
    assert n_images == 9


def test_wcs_of_decam_is_the_same_written_as_sip(test_data: Path) -> None:
    images = sorted((test_data / "decam_cutouts").glob("testcase*/images/**/*_ooi_*.fits"))
    assert images
    for image in images:
        with fits.open(image) as hdus:
            mapping = mapping_from_cards(dict(hdus[1].header), image.name)
            shape = hdus[1].shape
        again = mapping_from_cards(cards_from_mapping(mapping, shape, "sip"))
        assert np.any(again.sip_a)
        x, y = np.array([0.0, shape[1] - 1, 0.3 * shape[1]]), np.array([0.0, shape[0] - 1, 0.8 * shape[0]])
        x_found, y_found = again.sky_to_pixel(*mapping.pixel_to_sky(x, y))
        assert np.hypot(x_found - x, y_found - y).max() < 1e-4


def test_distortion_of_a_matched_catalogue(test_data: Path, record_figure: Record) -> None:
    """Centroids of one camera, matched: the columns are positions and the catalogue's own."""
    table = Table.read(test_data / "lco" / "ogg2m001-ep04-20201006-0097-matched-cat.fits")
    x, y, ra, dec = (np.asarray(table[name], float) for name in ("xwin", "ywin", "ra", "dec"))
    ra %= 360.0
    scale = 0.27 / 3600.0
    shape = (2048, 2048)
    start = SkyMapping(
        (float(np.median(ra)), float(np.median(dec))), (1023.5, 1023.5), np.diag([scale, scale])
    )
    error = np.full(len(x), 0.02)
    fit = fit_mapping(x, y, error, ra, dec, np.full(len(x), 20.0), start, shape)
    x_found, y_found = fit.mapping.sky_to_pixel(ra, dec)
    residual = float(np.median(np.hypot(x_found - x, y_found - y))) * fit.mapping.pixel_scale_arcsec
    record_figure("lco_distortion_median_residual", residual, "arcsec")
    assert fit.degree == 3
    assert residual < 0.06
    assert fit.kept.sum() > 0.9 * len(x)
