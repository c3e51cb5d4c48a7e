"""The simulated exposure that a camera writes of itself, with its truth."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Table

from seechange_core.api import ExposureHeader, Instrument
from seechange_core.frames import ColumnTable, Floats, Pixels, SectionData
from seechange_core.imaging.detrending.assembly import assembled

#: What the truth must have; ``flux`` (electron) is used where it is there.
TRUTH_COLUMNS = ("section", "x", "y", "ra", "dec", "magnitude")
_RIM_PIXEL = 25
_HALF = 7
_N_STARS = 25


@dataclass(frozen=True)
class SimulatedExposure:
    """A raw exposure and what is known of it.

    Parameters
    ----------
    folder : TemporaryDirectory
        Goes with this object.
    path : Path
        What ``write_simulated`` returned.
    truth : ColumnTable
        As `Instrument.write_simulated` describes it.
    mjd : float
        Mid-exposure, by the truth; NaN if it is not said.
    """

    folder: tempfile.TemporaryDirectory[str]
    path: Path
    truth: ColumnTable
    mjd: float

    @classmethod
    def write(cls, camera: Instrument, **options: Any) -> SimulatedExposure:
        """Have a camera write one.

        Raises
        ------
        NotImplementedError
            If it cannot.
        FileNotFoundError
            If there is no truth beside it.
        """
        folder = tempfile.TemporaryDirectory(prefix="seechange-conformance-")
        path = camera.write_simulated(Path(folder.name), seed=1, **options)
        found = sorted(Path(folder.name).rglob("*.truth.fits"))
        if not found:
            raise FileNotFoundError(f"{path.name} has no truth beside it: <stem>.truth.fits")
        with fits.open(found[0]) as hdus:
            table, mjd = Table.read(hdus[1]), float(hdus[1].header.get("EPOCH", np.nan))
        return cls(folder, path, ColumnTable({name: np.asarray(table[name]) for name in table.colnames}), mjd)

    def stars_on(self, section: str, shape: tuple[int, int]) -> ColumnTable:
        """Return bright stars on a section, away from its rim and not the very brightest."""
        truth = self.truth
        ny, nx = shape
        on = (truth["section"].astype(str) == section) & _within(truth["x"], nx) & _within(truth["y"], ny)
        if "kind" in truth:
            on &= truth["kind"].astype(str) == "star"
        stars = truth.rows(on)
        order = np.argsort(stars["magnitude"])
        skipped = len(order) // 20
        return stars.rows(order[skipped : skipped + _N_STARS])


def _within(values: Floats, size: int) -> Any:
    return (values > _RIM_PIXEL) & (values < size - 1 - _RIM_PIXEL)


def assembled_pixels(section: SectionData) -> Pixels:
    """Return the light-sensitive pixels in place, without the level of each amplifier (its median)."""
    image = assembled(section.data, section.amplifiers)
    for amplifier in section.amplifiers:
        image[amplifier.trimmed.slices] -= np.median(image[amplifier.trimmed.slices])
    return image


def offsets_of_stars(image: Pixels, stars: ColumnTable) -> tuple[Floats, Floats]:
    """Return how far the light around the true places is from them (pixel), and its significance.

    Returns
    -------
    offset : array of shape (n, 2)
        Of the centroids, x and y.
    contrast : array of shape (n,)
        Light within 15 x 15 pixels, in units of its scatter on the image.
    """
    offset = np.arange(-_HALF, _HALF + 1)
    column, row = (np.floor(stars[axis] + 0.5).astype(int) for axis in "xy")
    stamps = image[row[:, None, None] + offset[:, None], column[:, None, None] + offset].astype(np.float64)
    rim = np.median(
        np.concatenate([stamps[:, 0], stamps[:, -1], stamps[:, :, 0], stamps[:, :, -1]], axis=1), axis=1
    )
    light = np.maximum(stamps - rim[:, None, None], 0.0)
    total = light.sum(axis=(1, 2))
    x = (light * offset).sum(axis=(1, 2)) / total + column - stars["x"]
    y = (light * offset[:, None]).sum(axis=(1, 2)) / total + row - stars["y"]
    noise = 1.4826 * np.median(np.abs(image[::7, ::7])) * (2 * _HALF + 1)
    return np.stack([x, y], axis=1), (stamps - rim[:, None, None]).sum(axis=(1, 2)) / noise


def overlapping_sections(camera: type[Instrument], cd: Floats) -> list[str]:
    """Return pairs of a camera's sections that see the same sky, given degrees per pixel."""
    names = list(camera.sections)
    places = np.array([[camera.sections[name].east_deg, camera.sections[name].north_deg] for name in names])
    x, y = np.linalg.inv(cd) @ places.T
    found = []
    for first, name in enumerate(names):
        ny, nx = camera.sections[name].shape
        for second in range(first + 1, len(names)):
            # One part in a hundred for what a linear scale leaves out.
            if abs(x[first] - x[second]) < 0.99 * nx and abs(y[first] - y[second]) < 0.99 * ny:
                found.append(f"{name} and {names[second]}")
    return found


def header_problems(header: ExposureHeader, camera: type[Instrument]) -> list[str]:
    """Say what is senseless in a header of the sky."""
    problems = []
    if header.kind != "science":
        problems.append(f"kind is {header.kind!r}, not 'science'")
    if not header.exposure_s > 0:
        problems.append(f"exposure_s is {header.exposure_s}")
    if not 15_000 < header.mjd < 100_000:
        problems.append(f"mjd is {header.mjd}: a modified Julian date")
    filters = {header.filter, *header.section_filters.values()} - {""}
    if not filters or not filters <= set(camera.filters):
        problems.append(f"filters are {sorted(filters)}, the camera has {', '.join(camera.filters)}")
    unknown = set(header.sections) - set(camera.sections)
    if not header.sections or unknown:
        problems.append(
            f"sections are {header.sections}; the camera has no {', '.join(unknown) or 'empty exposure'}"
        )
    if (
        header.ra_deg is None
        or not 0 <= header.ra_deg < 360
        or header.dec_deg is None
        or abs(header.dec_deg) > 90
    ):
        problems.append(f"the pointing is {header.ra_deg}, {header.dec_deg}: degrees, ICRS")
    return problems
