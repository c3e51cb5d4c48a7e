"""Polynomial maps from the pixels of one image to those of another."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from seechange_core.frames import Floats, SkyMapping
from seechange_core.frames.mapping import project
from seechange_core.frames.polynomial import design_matrix, exponents

_GRID = 21
_DEGREES = (2, 3, 4, 5, 6, 7)
_GOAL_PIXEL = 2e-4
_LIMIT_PIXEL = 0.01
_MARGIN = 0.1
_BORDER_PIXEL = 8.0
_SAME_PIXEL = 1e-3


@dataclass(frozen=True)
class PixelMap:
    """Where each pixel of a target grid lies in a source image.

    Parameters
    ----------
    x_coefficients, y_coefficients : array of shape (n_terms,)
        Source position (pixel) as polynomials of ``((x - centre[0]) / scale[0], (y - centre[1]) / scale[1])`` of the
        target, in the order of `frames.polynomial.exponents`.
    degree : int
        Of both polynomials.
    centre, scale : tuple of float
        Of the target's x and y (pixel).
    box : tuple of float
        First and last x, first and last y of the target where the map holds; beyond them the source has no pixels.
    """

    x_coefficients: Floats
    y_coefficients: Floats
    degree: int
    centre: tuple[float, float]
    scale: tuple[float, float]
    box: tuple[float, float, float, float]

    def __call__(self, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        """Return the source positions (pixel) of target positions (pixel), arrays of shape (n,)."""
        terms = design_matrix(*self._normal(x, y), self.degree)
        return terms @ self.x_coefficients, terms @ self.y_coefficients

    def jacobian(self, x: ArrayLike, y: ArrayLike) -> Floats:
        """Return d(source x, y) / d(target x, y) at target positions, shape (n, 2, 2)."""
        u, v = self._normal(x, y)
        powers = exponents(self.degree)
        along_x = np.stack([i * u ** max(i - 1, 0) * v**j for i, j in powers], axis=-1) / self.scale[0]
        along_y = np.stack([j * u**i * v ** max(j - 1, 0) for i, j in powers], axis=-1) / self.scale[1]
        rows = [[d @ c for d in (along_x, along_y)] for c in (self.x_coefficients, self.y_coefficients)]
        return np.moveaxis(np.array(rows), -1, 0)

    def corrected(self, x_terms: Floats, y_terms: Floats, degree: int) -> PixelMap:
        """Return the map with polynomials of the same variables added to the source position."""
        highest = max(self.degree, degree)
        place = {power: number for number, power in enumerate(exponents(highest))}
        x, y = np.zeros(len(place)), np.zeros(len(place))
        for terms, of_degree in (
            ((self.x_coefficients, self.y_coefficients), self.degree),
            ((x_terms, y_terms), degree),
        ):
            index = [place[power] for power in exponents(of_degree)]
            x[index] += terms[0]
            y[index] += terms[1]
        return replace(self, x_coefficients=x, y_coefficients=y, degree=highest)

    def whole_shift(self) -> tuple[int, int] | None:
        """Return by how many pixels (x, y) the map moves everything, None if not by whole ones to 0.001 pixel."""
        nearest = self.nearest_whole_shift()
        if max(float(np.abs(off).max()) for off in self._offsets(nearest)) >= _SAME_PIXEL:
            return None
        x, y = nearest(*self.centre)
        return round(float(x[0]) - self.centre[0]), round(float(y[0]) - self.centre[1])

    def nearest_whole_shift(self) -> PixelMap:
        """Return the map that moves everything by whole pixels and is nearest to this one."""
        x, y = self.grid()
        shifts = (np.rint(np.median(there - here)) for there, here in zip(self(x, y), (x, y), strict=True))
        x_shift, y_shift = shifts
        return replace(
            self,
            x_coefficients=np.array([self.centre[0] + x_shift, self.scale[0], 0.0]),
            y_coefficients=np.array([self.centre[1] + y_shift, 0.0, self.scale[1]]),
            degree=1,
        )

    def distance_from(self, other: PixelMap) -> tuple[float, float]:
        """Return how far the source positions of two maps are apart along x and y, rms over the map's box (pixel)."""
        x_off, y_off = self._offsets(other)
        return float(np.sqrt(np.mean(x_off**2))), float(np.sqrt(np.mean(y_off**2)))

    def terms(self, x: ArrayLike, y: ArrayLike, degree: int) -> Floats:
        """Return the polynomial terms of the map's own variables at target positions, shape (n, n_terms)."""
        return design_matrix(*self._normal(x, y), degree)

    def grid(self) -> tuple[Floats, Floats]:
        """Return x and y of target positions that cover the box evenly."""
        sides = np.linspace(*self.box[2:], _GRID), np.linspace(*self.box[:2], _GRID)
        y, x = (values.ravel() for values in np.meshgrid(*sides, indexing="ij"))
        return x, y

    def _offsets(self, other: PixelMap) -> tuple[Floats, Floats]:
        x, y = self.grid()
        (x_here, y_here), (x_there, y_there) = self(x, y), other(x, y)
        return x_here - x_there, y_here - y_there

    def _normal(self, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        u = (np.atleast_1d(np.asarray(x, np.float64)) - self.centre[0]) / self.scale[0]
        v = (np.atleast_1d(np.asarray(y, np.float64)) - self.centre[1]) / self.scale[1]
        return u, v


def fit_pixel_map(
    from_mapping: SkyMapping,
    to_mapping: SkyMapping,
    shape: tuple[int, int],
    from_shape: tuple[int, int] | None = None,
) -> PixelMap:
    """Fit the map that `warping.warp_frame` needs to bring one image to the grid of another.

    Parameters
    ----------
    from_mapping, to_mapping : SkyMapping
        Of the image that is to be warped (the source), and of the grid that it is warped to (the target).
    shape : tuple of int
        Rows and columns of the target.
    from_shape : tuple of int, optional
        Rows and columns of the source. Give it wherever the target reaches beyond the source: distortion polynomials
        mean nothing outside the image that they were fitted to, so the map is then fitted to the common part.

    Returns
    -------
    PixelMap
        Of the lowest degree that follows the mappings to 0.0002 pixel.

    Raises
    ------
    ValueError
        If the images do not overlap, or no polynomial up to degree 7 is good to 0.01 pixel.
    """
    if from_shape is None:
        box = (0.0, shape[1] - 1.0, 0.0, shape[0] - 1.0)
    else:
        box = _common_box(from_mapping, to_mapping, shape, from_shape)
    sides = np.linspace(*box[2:], _GRID), np.linspace(*box[:2], _GRID)
    y, x = (values.ravel() for values in np.meshgrid(*sides, indexing="ij"))
    if from_shape is not None:
        near = _near(
            *_linear(from_mapping, from_shape).sky_to_pixel(*to_mapping.pixel_to_sky(x, y)), from_shape
        )
        x, y = x[near], y[near]
    centre = (0.5 * (box[0] + box[1]), 0.5 * (box[2] + box[3]))
    scale = (max(0.5 * (box[1] - box[0]), 1.0), max(0.5 * (box[3] - box[2]), 1.0))
    wanted = np.stack(from_mapping.sky_to_pixel(*to_mapping.pixel_to_sky(x, y)), axis=1)
    residual = np.inf
    for degree in _DEGREES:
        if len(x) < 2 * len(exponents(degree)):
            break
        terms = design_matrix((x - centre[0]) / scale[0], (y - centre[1]) / scale[1], degree)
        solution, fitted = np.linalg.lstsq(terms, wanted, rcond=None)[0], degree
        residual = float(np.abs(terms @ solution - wanted).max())
        if residual < _GOAL_PIXEL:
            break
    if not residual < _LIMIT_PIXEL:
        raise ValueError(
            f"no polynomial map between the images: residual {residual:.3g} pixel at {len(x)} common points"
        )
    x_terms, y_terms = np.array(solution.T, np.float64)
    return PixelMap(x_terms, y_terms, fitted, centre, scale, box)


def _linear(mapping: SkyMapping, shape: tuple[int, int]) -> SkyMapping:
    """Return the mapping linearised at the image's centre: defined everywhere, and good to tell what overlaps."""
    x, y = 0.5 * (shape[1] - 1), 0.5 * (shape[0] - 1)
    ra, dec = mapping.pixel_to_sky([x], [y])
    centre = (float(ra[0]), float(dec[0]))
    xi, eta = project(*mapping.pixel_to_sky([x - 0.5, x + 0.5, x, x], [y, y, y - 0.5, y + 0.5]), centre)
    return SkyMapping(
        centre, (x, y), np.array([[xi[1] - xi[0], xi[3] - xi[2]], [eta[1] - eta[0], eta[3] - eta[2]]])
    )


def _common_box(
    from_mapping: SkyMapping,
    to_mapping: SkyMapping,
    shape: tuple[int, int],
    from_shape: tuple[int, int],
) -> tuple[float, float, float, float]:
    ny, nx = from_shape
    along, across = np.linspace(-0.5, nx - 0.5, _GRID), np.linspace(-0.5, ny - 0.5, _GRID)
    x = np.concatenate([along, along, np.full(_GRID, -0.5), np.full(_GRID, nx - 0.5)])
    y = np.concatenate([np.full(_GRID, -0.5), np.full(_GRID, ny - 0.5), across, across])
    x, y = _linear(to_mapping, shape).sky_to_pixel(*from_mapping.pixel_to_sky(x, y))
    if not np.all(np.isfinite(x)):
        raise ValueError("the images do not overlap: they are more than 90 degrees apart")
    # Linearised mappings are off by the distortion within an image, which stays below this border.
    border_x = _BORDER_PIXEL + 0.01 * float(np.ptp(x))
    border_y = _BORDER_PIXEL + 0.01 * float(np.ptp(y))
    common = (
        max(0.0, float(x.min()) - border_x),
        min(shape[1] - 1.0, float(x.max()) + border_x),
        max(0.0, float(y.min()) - border_y),
        min(shape[0] - 1.0, float(y.max()) + border_y),
    )
    if common[0] >= common[1] or common[2] >= common[3]:
        raise ValueError("the images do not overlap")
    return common


def _near(x: Floats, y: Floats, shape: tuple[int, int]) -> np.ndarray:
    ny, nx = shape
    margin_x, margin_y = _MARGIN * nx + _BORDER_PIXEL, _MARGIN * ny + _BORDER_PIXEL
    return (x > -margin_x) & (x < nx + margin_x) & (y > -margin_y) & (y < ny + margin_y)
