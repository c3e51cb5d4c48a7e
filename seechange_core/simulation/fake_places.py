"""Where sources are injected into an image: on empty sky, near galaxies, on stars."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Floats, SourceTable
from seechange_core.simulation.placement import Forbidden, choose_apart, host_trials, uniform_trials

_MARGIN = 45.0
_MARGIN_FRACTION = 0.2
_SEPARATION = 28.0
_FROM_SOURCES_FWHM = 3.0
_FROM_STARS_FWHM = 2.0
_HOST_SNR = 20.0
_TRIALS = 50


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
    fwhm : float
        Of its PSF (pixel).
    avoided : array of shape (n, 2)
        Positions that no place may be near: what really changed.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        covered: NDArray[np.bool_],
        sources: SourceTable,
        fwhm: float,
        avoided: Floats | None = None,
    ) -> None:
        self._rng, self._covered, self._sources, self._fwhm = rng, covered, sources, fwhm
        self._margin = min(_MARGIN, _MARGIN_FRACTION * min(covered.shape))
        self._placed = np.empty((0, 2))
        self._avoided: Forbidden = [] if avoided is None else [(avoided, _FROM_SOURCES_FWHM * fwhm)]

    def on_galaxies(self, number: int) -> Floats:
        """Return x and y, shape (n, 2), of places on extended sources, at most one each, or fewer than asked for.

        They are distributed about the source's centre as its light is: with its rms radius.
        """
        hosts = self._sources.rows(~self._sources["is_star"] & (self._sources["snr"] > _HOST_SNR))
        radii = 2.0 * hosts["a"].astype(np.float64)
        trials = host_trials(self._rng, self._shape, _positions(hosts), radii, self._margin)
        return self._chosen(trials, number, [(self._stars, _FROM_STARS_FWHM * self._fwhm)])

    def on_sky(self, number: int) -> Floats:
        """Return x and y, shape (n, 2), of places away from all sources."""
        trials = uniform_trials(self._rng, self._shape, _TRIALS * max(number, 1), self._margin)
        return self._chosen(trials, number, [(_positions(self._sources), _FROM_SOURCES_FWHM * self._fwhm)])

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

    @property
    def _stars(self) -> Floats:
        return _positions(self._sources.rows(self._sources["is_star"]))

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


def _positions(sources: SourceTable) -> Floats:
    return np.stack([sources["x"], sources["y"]], axis=1)
