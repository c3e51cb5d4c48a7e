"""Where sources are injected into an image: on empty sky, near galaxies, on stars."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Floats, SkyMapping, SourceTable
from seechange_core.simulation.placement import Forbidden, choose_apart, host_trials, uniform_trials

_MARGIN = 45.0
_MARGIN_FRACTION = 0.2
_SEPARATION = 28.0
_FROM_SOURCES_FWHM = 3.0
_FROM_STARS_FWHM = 2.0
_HOST_SNR = 20.0
_TRIALS = 50
_HOST_TRIALS = 3


class FakePlaces:
    """Chooses places in one image, each apart from all before it.

    Parameters
    ----------
    rng : numpy.random.Generator
        The same state gives the same places.
    covered : bool array of shape (ny, nx)
        Where a source may be.
    sources : SourceTable
        Of the image.
    deep_sources : SourceTable
        Of its reference, on the pixels of the image; it shows more of what is there, and which of it is extended.
    fwhm : float
        Of the image's PSF (pixel).
    avoided : array of shape (n, 2)
        Positions that no place may be near: what really changed.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        covered: NDArray[np.bool_],
        sources: SourceTable,
        deep_sources: SourceTable,
        fwhm: float,
        avoided: Floats | None = None,
    ) -> None:
        self._rng, self._covered, self._fwhm = rng, covered, fwhm
        self._sources, self._deep_sources = sources, deep_sources
        self._margin = min(_MARGIN, _MARGIN_FRACTION * min(covered.shape))
        self._placed = np.empty((0, 2))
        self._avoided: Forbidden = [] if avoided is None else [(avoided, _FROM_SOURCES_FWHM * fwhm)]

    def on_galaxies(self, number: int) -> Floats:
        """Return x and y, shape (n, 2), of places on extended sources, at most one each, or fewer than asked for.

        They are distributed about the source's centre as its light is: with its rms radius.
        """
        deep = self._deep_sources
        hosts = deep.rows(~deep["is_star"] & (deep["snr"] > _HOST_SNR))
        radii = 2.0 * hosts["a"].astype(np.float64)
        rounds = [
            host_trials(self._rng, self._shape, _positions(hosts), radii, self._margin)
            for _ in range(_HOST_TRIALS)
        ]
        stars = self._sources.rows(self._sources["is_star"] & (self._sources["snr"] > _HOST_SNR))
        deep_stars = deep.rows(deep["is_star"] & (deep["snr"] > _HOST_SNR))
        from_stars = _FROM_STARS_FWHM * self._fwhm
        return self._chosen(
            np.concatenate(rounds), number, [(_positions(near), from_stars) for near in (stars, deep_stars)]
        )

    def on_sky(self, number: int) -> Floats:
        """Return x and y, shape (n, 2), of places away from all sources."""
        trials = uniform_trials(self._rng, self._shape, _TRIALS * max(number, 1), self._margin)
        from_sources = _FROM_SOURCES_FWHM * self._fwhm
        known = (self._sources, self._deep_sources)
        return self._chosen(trials, number, [(_positions(sources), from_sources) for sources in known])

    def on_stars(self, number: int, least_flux_electron: float) -> Floats:
        """Return x and y, shape (n, 2), of stars with at least a flux."""
        bright = self._sources["is_star"] & (self._sources["flux"] >= least_flux_electron)
        stars = _positions(self._sources.rows(bright))
        ny, nx = self._shape
        inside = np.all((stars > self._margin) & (stars < (nx - self._margin, ny - self._margin)), axis=1)
        return self._chosen(self._rng.permutation(stars[inside]), number, [])

    @property
    def _shape(self) -> tuple[int, int]:
        return self._covered.shape[0], self._covered.shape[1]

    def _chosen(self, trials: Floats, number: int, forbidden: Forbidden) -> Floats:
        column, row = np.floor(trials + 0.5).astype(np.intp).T
        places = choose_apart(
            trials[self._covered[row, column]],
            number,
            _SEPARATION,
            self._placed,
            [*forbidden, *self._avoided],
        )
        self._placed = np.concatenate([self._placed, places])
        return places


def on_pixels_of(mapping: SkyMapping, sources: SourceTable, own_mapping: SkyMapping) -> SourceTable:
    """Return sources of an image with the places and sizes that they have on another one."""
    x, y = mapping.sky_to_pixel(*own_mapping.pixel_to_sky(sources["x"], sources["y"]))
    scale = own_mapping.pixel_scale_arcsec / mapping.pixel_scale_arcsec
    return sources.with_columns(x=x, y=y, a=sources["a"] * scale, b=sources["b"] * scale)


def _positions(sources: SourceTable) -> Floats:
    return np.stack([sources["x"], sources["y"]], axis=1)
