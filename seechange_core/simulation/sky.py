"""A patch of sky with known truth: stars, variable stars, galaxies and transients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import ColumnTable, Floats
from seechange_core.frames.mapping import deproject
from seechange_core.simulation.colours import GAIA_TO_FILTER
from seechange_core.simulation.population import galaxy_columns, star_colours, star_magnitudes

#: Colours of galaxies relative to r.
_GALAXY_COLOURS = {"g": 0.7, "r": 0.0, "i": -0.3}
_DAYS_PER_YEAR = 365.25


@dataclass(frozen=True)
class Sky:
    """Sources by position (ICRS, deg) and magnitude (AB unless it is Gaia's).

    Parameters
    ----------
    stars : ColumnTable
        ``id``, ``ra``, ``dec`` at `epoch_mjd`, ``pmra``, ``pmdec`` (mas/yr, the former times cos dec),
        ``mag_g``, ``mag_r``, ``mag_i``, ``mag_G``, ``mag_BP``, ``mag_RP``, ``amplitude`` (mag; 0 for constant
        stars), ``period_day``, ``phase``.
    galaxies : ColumnTable
        ``id``, ``ra``, ``dec``, ``mag_g``, ``mag_r``, ``mag_i``, ``half_light_arcsec``, ``radius_arcsec``,
        ``axis_ratio``, ``angle`` (of the major axis, from west to north, radian), ``index``.
    transients : ColumnTable
        ``id``, ``ra``, ``dec``, ``host`` (id of a galaxy or -1), ``peak_magnitude`` (the same in every
        filter), ``peak_mjd``, ``rise_day``, ``decay_day``.
    epoch_mjd : float
        Of the positions of stars.
    """

    stars: ColumnTable
    galaxies: ColumnTable
    transients: ColumnTable
    epoch_mjd: float

    def star_positions(self, mjd: float) -> tuple[Floats, Floats]:
        """Return right ascension and declination (deg) of the stars at a time, proper motion applied."""
        years = (mjd - self.epoch_mjd) / _DAYS_PER_YEAR
        dec = self.stars["dec"]
        ra = self.stars["ra"] + self.stars["pmra"] * years / 3.6e6 / np.cos(np.radians(dec))
        return ra, dec + self.stars["pmdec"] * years / 3.6e6

    def star_magnitudes(self, band: str, mjd: float) -> Floats:
        """Return the stars' magnitudes at a time: those of variables follow a sine."""
        angle = 2.0 * np.pi * (mjd / self.stars["period_day"] + self.stars["phase"])
        return self.stars[f"mag_{band}"] + self.stars["amplitude"] * np.sin(angle)

    def transient_magnitudes(self, mjd: float) -> Floats:
        """Return the transients' magnitudes at a time."""
        fading = light_curve(
            mjd - self.transients["peak_mjd"], self.transients["rise_day"], self.transients["decay_day"]
        )
        with np.errstate(divide="ignore"):
            return self.transients["peak_magnitude"] - 2.5 * np.log10(fading)


def light_curve(since_peak_day: Floats, rise_day: Floats, decay_day: Floats) -> Floats:
    """Return the flux of a transient relative to its peak: an exponential rise and an exponential decay."""
    return np.exp(-np.where(since_peak_day < 0, -since_peak_day / rise_day, since_peak_day / decay_day))


def random_sky(
    rng: np.random.Generator,
    centre: tuple[float, float],
    size_arcsec: tuple[float, float],
    *,
    stars_per_arcmin2: float,
    galaxies_per_arcmin2: float,
    n_variables: int,
    epoch_mjd: float,
) -> Sky:
    """Draw stars and galaxies over a rectangle of sky; transients are added with `dataclasses.replace`.

    Parameters
    ----------
    rng : numpy.random.Generator
    centre : tuple of float
        Right ascension and declination (deg).
    size_arcsec : tuple of float
        Extent in the east-west and in the north-south direction.
    stars_per_arcmin2, galaxies_per_arcmin2 : float
        Down to 24.5 mag; counts vary as Poisson's law says.
    n_variables : int
        Stars of 16 to 20 mag that vary by 0.1 to 0.4 mag.
    epoch_mjd : float
        Of the positions of stars.
    """
    area_arcmin2 = size_arcsec[0] * size_arcsec[1] / 3600.0
    stars = _stars(rng, centre, size_arcsec, int(rng.poisson(stars_per_arcmin2 * area_arcmin2)), n_variables)
    number = int(rng.poisson(galaxies_per_arcmin2 * area_arcmin2))
    galaxies = galaxy_columns(rng, number)
    magnitude = galaxies.pop("magnitude")
    galaxies |= {f"mag_{band}": magnitude + colour for band, colour in _GALAXY_COLOURS.items()}
    positions = _positions(rng, centre, size_arcsec, number)
    return Sky(
        stars=ColumnTable(stars),
        galaxies=ColumnTable({"id": np.arange(number), **positions, **galaxies}),
        transients=transient_table({name: np.empty(0) for name in _TRANSIENT_COLUMNS}),
        epoch_mjd=epoch_mjd,
    )


_TRANSIENT_COLUMNS = ("ra", "dec", "host", "peak_magnitude", "peak_mjd", "rise_day", "decay_day")


def transient_table(columns: Mapping[str, Floats]) -> ColumnTable:
    """Return a table of transients as `Sky` wants it, numbered from 0."""
    number = len(columns["ra"])
    return ColumnTable({"id": np.arange(number), **{name: columns[name] for name in _TRANSIENT_COLUMNS}})


def _stars(
    rng: np.random.Generator,
    centre: tuple[float, float],
    size_arcsec: tuple[float, float],
    number: int,
    n_variables: int,
) -> dict[str, NDArray[Any]]:
    magnitude = star_magnitudes(rng, number, (13.5, 24.5))
    colour = star_colours(rng, number)
    gaia = magnitude - np.polynomial.polynomial.polyval(colour, GAIA_TO_FILTER["r"])
    columns: dict[str, NDArray[Any]] = {
        "id": np.arange(number),
        **_positions(rng, centre, size_arcsec, number),
    }
    columns |= {"pmra": rng.normal(0.0, 5.0, number), "pmdec": rng.normal(0.0, 5.0, number)}
    for band, coefficients in GAIA_TO_FILTER.items():
        scatter = 0.0 if band == "r" else rng.normal(0.0, 0.01, number)
        columns[f"mag_{band}"] = gaia + np.polynomial.polynomial.polyval(colour, coefficients) + scatter
    columns |= {"mag_G": gaia, "mag_BP": gaia + 0.45 * colour, "mag_RP": gaia - 0.55 * colour}
    amplitude = np.zeros(number)
    candidates = np.flatnonzero((magnitude > 16.0) & (magnitude < 20.0))
    variable = rng.permutation(candidates)[:n_variables]
    amplitude[variable] = rng.uniform(0.1, 0.4, len(variable))
    columns |= {"amplitude": amplitude, "period_day": rng.uniform(0.5, 20.0, number)}
    columns["phase"] = rng.random(number)
    return columns


def _positions(
    rng: np.random.Generator, centre: tuple[float, float], size_arcsec: tuple[float, float], number: int
) -> dict[str, Floats]:
    half = np.array(size_arcsec) / 7200.0
    xi, eta = rng.uniform(-half, half, (number, 2)).T
    ra, dec = deproject(xi, eta, centre)
    return {"ra": ra, "dec": dec}
