"""The nine real exposures of one field."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table, vstack
from astropy.time import Time
from astropy.wcs import WCS

from seechange_core.frames import MaskPlane, SectionData, SkyMapping, unusable
from seechange_decam import Decam, DecamParams
from seechange_decam.geometry import SECTIONS

NUMBERS = range(9)


def read(decam: Decam, path: Path) -> tuple[str, SectionData, SkyMapping]:
    section = path.name.split(".")[-2]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        data = decam.read(decam.files_of(path), section)
    mapping = decam.first_mapping(data.header, data.info)
    assert mapping is not None
    return section, data, mapping


@pytest.fixture(scope="module")
def gaia(test_data: Path) -> Table:
    folder = test_data / "decam_cutouts" / "testcase4" / "gaia"
    return vstack(
        [Table.read(path) for path in sorted(folder.glob("chunk-*.fits"))], metadata_conflicts="silent"
    )


def bright_stars(gaia: Table, mapping: SkyMapping, data: SectionData) -> list[tuple[float, float]]:
    """Where Gaia's stars of 14 to 20 mag should be, proper motion applied."""
    years = (data.info["mjd"] - 51544.5) / 365.25 + 2000.0 - gaia["ref_epoch"]
    dec = gaia["dec"] + np.nan_to_num(gaia["pmdec"]) * years / 3.6e6
    ra = gaia["ra"] + np.nan_to_num(gaia["pmra"]) * years / 3.6e6 / np.cos(np.radians(dec))
    x, y = mapping.sky_to_pixel(ra, dec)
    ny, nx = data.data.shape
    # Of the sources that Gaia lists without proper motion one is the core of a galaxy.
    good = (gaia["phot_g_mean_mag"] > 14) & (gaia["phot_g_mean_mag"] < 20) & (gaia["pmra"] != 0)
    inside = (x > 12) & (x < nx - 13) & (y > 12) & (y < ny - 13)
    return [(float(a), float(b)) for a, b in zip(x[good & inside], y[good & inside], strict=True)]


def centroid(image: np.ndarray, x: float, y: float) -> tuple[float, float]:
    """Iterated centroid under a Gaussian weight."""
    rows, columns = np.indices(image.shape)
    start = x, y
    for _ in range(20):
        weight = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 2.2**2)) * image
        x += 2 * ((weight * columns).sum() / weight.sum() - x)
        y += 2 * ((weight * rows).sum() / weight.sum() - y)
    assert np.hypot(x - start[0], y - start[1]) < 5
    return x, y


@pytest.mark.parametrize("number", NUMBERS)
def test_header_and_pixels(decam: Decam, cutouts: list[Path], number: int) -> None:
    path = cutouts[number]
    header = decam.read_header(decam.files_of(path))
    section, data, _ = read(decam, path)
    assert header.sections == (section,)
    assert header.processing == "calibrated"
    assert header.filter == path.name.split("_")[4]
    start = Time(header.header["DATE-OBS"], scale="utc").mjd
    assert (header.mjd - start) * 86400 == pytest.approx(header.exposure_s / 2, abs=0.01)
    assert data.info["mjd"] == header.mjd
    assert 3.5 < data.amplifiers[0].gain < 4.7
    assert data.data.shape == fits.getdata(path, 1).shape


@pytest.mark.parametrize("number", NUMBERS)
def test_noise_follows_gain_and_sky(decam: Decam, cutouts: list[Path], number: int) -> None:
    """Gain and read noise of the header explain the scatter of the pixels, sky included: units are right."""
    _, data, _ = read(decam, cutouts[number])
    (amplifier,) = data.amplifiers
    sky = float(np.median(data.data))
    scatter_adu = 1.4826 * float(np.median(np.abs(np.diff(data.data, axis=1)))) / np.sqrt(2)
    expected_adu = np.sqrt(sky * amplifier.gain + amplifier.read_noise_electron**2) / amplifier.gain
    assert scatter_adu == pytest.approx(expected_adu, rel=0.06)


@pytest.mark.parametrize("number", NUMBERS)
def test_mask(decam: Decam, cutouts: list[Path], number: int) -> None:
    files = decam.files_of(cutouts[number])
    _, data, _ = read(decam, cutouts[number])
    assert data.mask is not None
    weight = fits.getdata(files[1], 1)
    # In these cut-outs there are only codes 1 (bad) and 5 (cosmic ray), all with weight 0.
    assert np.array_equal(unusable(data.mask), weight <= 0)
    if len(files) == 3:
        quality = fits.getdata(files[2], 1)
        assert set(np.unique(quality)) <= {0, 1, 5}
        assert np.array_equal(data.mask == MaskPlane.BAD, quality == 1)
        assert np.array_equal(data.mask == MaskPlane.COSMIC_RAY, quality == 5)


def test_one_exposure_has_no_mask_file(decam: Decam, cutouts: list[Path]) -> None:
    (path,) = [path for path in cutouts if len(decam.files_of(path)) < 3]
    assert path.name.startswith("c4d_170419")
    with pytest.warns(UserWarning, match=r"c4d_170419.*mask \(_ood_\) is missing"):
        decam.read(decam.files_of(path), "S1")


@pytest.mark.parametrize("number", NUMBERS)
def test_wcs_agrees_with_astropy(decam: Decam, cutouts: list[Path], number: int) -> None:
    section, data, mapping = read(decam, cutouts[number])
    with warnings.catch_warnings(), fits.open(cutouts[number]) as hdus:
        warnings.simplefilter("ignore")
        wcs = WCS(hdus[section].header)
    y, x = (
        values.ravel().astype(float)
        for values in np.mgrid[0 : data.data.shape[0] : 30, 0 : data.data.shape[1] : 30]
    )
    x_back, y_back = mapping.sky_to_pixel(*wcs.all_pix2world(x, y, 0))
    assert max(np.abs(x_back - x).max(), np.abs(y_back - y).max()) < 1e-3


@pytest.mark.parametrize("number", NUMBERS)
def test_gaia_stars_are_where_the_wcs_says(
    decam: Decam, cutouts: list[Path], gaia: Table, number: int
) -> None:
    _, data, mapping = read(decam, cutouts[number])
    image = data.data.astype(float) - np.median(data.data)
    stars = bright_stars(gaia, mapping, data)
    assert stars
    for x, y in stars:
        found = centroid(image, x, y)
        assert np.hypot(found[0] - x, found[1] - y) < 0.3


@pytest.mark.parametrize("number", NUMBERS)
def test_psf_model_agrees_with_the_stars(decam: Decam, cutouts: list[Path], gaia: Table, number: int) -> None:
    section, data, mapping = read(decam, cutouts[number])
    psf = decam.supplied_psf(decam.files_of(cutouts[number]), section)
    assert psf is not None
    image = data.data.astype(float) - np.median(data.data)
    for position in bright_stars(gaia, mapping, data):
        x, y = centroid(image, *position)
        model = psf.stamp(x, y, 21)
        column, row = int(np.floor(x + 0.5)), int(np.floor(y + 0.5))
        star = image[row - 10 : row + 11, column - 10 : column + 11]
        core = model > 0.1 * model.max()
        if star.shape != model.shape:
            continue
        flux = (star * model)[core].sum() / (model**2)[core].sum()
        residual = (star - flux * model)[core]
        noise = 1.5 * np.std(np.diff(image)) / np.sqrt(2)
        assert np.sqrt(np.mean(residual**2)) < noise + 0.04 * flux * model.max()


def test_psf_models_lie_in_the_coordinates_of_the_cutout(decam: Decam, cutouts: list[Path]) -> None:
    """The zero of PSFEx's polynomial is the middle of the CCD: its place on the sky is that of the geometry."""
    for path in cutouts:
        section, _, mapping = read(decam, path)
        psf = decam.supplied_psf(decam.files_of(path), section)
        assert psf is not None
        xi, eta = mapping.pixel_to_plane(psf.x_zero, psf.y_zero)
        geometry = SECTIONS[section]
        assert np.hypot(xi - geometry.east_deg, eta - geometry.north_deg) * 3600 < 12.0


def test_psf_folder(test_data: Path, cutouts: list[Path]) -> None:
    (path,) = [path for path in cutouts if path.name.startswith("c4d_180212")]
    folder = (
        test_data
        / "decam_cutouts"
        / "testcase4-history"
        / "calib"
        / "decam"
        / "CP"
        / "V4.8.2a"
        / "CP20180211"
    )
    named, found = Decam(DecamParams(psf_folder=folder)), Decam()
    psf, other = (camera.supplied_psf(camera.files_of(path), "N3") for camera in (named, found))
    assert psf is not None
    assert other is not None
    assert np.array_equal(psf.coefficients, other.coefficients)
