"""From pixels to the sky and back: gnomonic projection with SIP or TPV distortion, in numpy alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.polynomial.polynomial import polyval2d
from numpy.typing import ArrayLike

from seechange_core.frames.arrays import Floats

_INVERSE_TOLERANCE_PIXEL = 1e-9
_INVERSE_ITERATIONS = 50


def _zeros() -> Floats:
    return np.zeros((1, 1))


def tpv_terms() -> tuple[tuple[int, int, int], ...]:
    """Return the powers of (x, y, r) of TPV's terms 0 to 39 (https://fits.gsfc.nasa.gov/registry/tpvwcs/tpv.html)."""
    terms: list[tuple[int, int, int]] = []
    for degree in range(8):
        terms += [(degree - j, j, 0) for j in range(degree + 1)]
        if degree % 2:
            terms.append((0, 0, degree))
    return tuple(terms)


@dataclass(frozen=True)
class SkyMapping:
    """A tangent-plane WCS, ICRS.

    Parameters
    ----------
    crval : tuple of float
        Right ascension and declination of the reference point (deg).
    crpix : tuple of float
        Its position (pixel, zero based: FITS's CRPIX minus 1).
    cd : array of shape (2, 2)
        Degrees per pixel.
    sip_a, sip_b : array of shape (k, k)
        SIP coefficients of ``u^p v^q`` at ``[p, q]`` (Shupe et al. 2005, ASPC 347, 491).
    pv1, pv2 : tuple of float
        TPV coefficients by number; empty for none.
    rms_mas : float
        Residual of the fit along one axis; NaN where the mapping was given.
    n_stars : int
        Stars in the fit; 0 where the mapping was given.
    error_mas : float
        Error of the mapping itself along one axis, rms over the image, as the errors of the stars leave it; NaN where
        the mapping was given.
    log10_chance : float
        Of the probability that the stars matched by chance; NaN where the mapping was given.
    relative_to : str
        The exposure whose nominal pointing and pixel scale it follows; empty where the positions are those of the sky.
    """

    crval: tuple[float, float]
    crpix: tuple[float, float]
    cd: Floats
    sip_a: Floats = field(default_factory=_zeros)
    sip_b: Floats = field(default_factory=_zeros)
    pv1: tuple[float, ...] = ()
    pv2: tuple[float, ...] = ()
    rms_mas: float = float("nan")
    n_stars: int = 0
    error_mas: float = float("nan")
    log10_chance: float = float("nan")
    relative_to: str = ""

    @property
    def sky_frame(self) -> str:
        """What right ascension and declination are in: ``"icrs"``, or ``"relative"`` to an exposure."""
        return "relative" if self.relative_to else "icrs"

    @property
    def pixel_scale_arcsec(self) -> float:
        """Geometric mean of the pixel's sides at the reference point."""
        return float(np.sqrt(abs(np.linalg.det(self.cd)))) * 3600.0

    def pixel_to_sky(self, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        """Return ICRS right ascension (0 to 360) and declination (deg) of pixel positions."""
        return deproject(*self.pixel_to_plane(x, y), self.crval)

    def sky_to_pixel(self, ra: ArrayLike, dec: ArrayLike) -> tuple[Floats, Floats]:
        """Return pixel positions of ICRS positions (deg); NaN beyond 90 degrees from the reference point."""
        return self.plane_to_pixel(*project(ra, dec, self.crval))

    def pixel_to_plane(self, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        """Return coordinates on the tangent plane (deg) of pixel positions."""
        u = np.asarray(x, np.float64) - self.crpix[0]
        v = np.asarray(y, np.float64) - self.crpix[1]
        u, v = u + polyval2d(u, v, self.sip_a), v + polyval2d(u, v, self.sip_b)
        xi = self.cd[0, 0] * u + self.cd[0, 1] * v
        eta = self.cd[1, 0] * u + self.cd[1, 1] * v
        if self.pv1 or self.pv2:
            xi, eta = _tpv(xi, eta, self.pv1), _tpv(eta, xi, self.pv2)
        return xi, eta

    def plane_to_pixel(self, xi: ArrayLike, eta: ArrayLike) -> tuple[Floats, Floats]:
        """Return pixel positions of tangent-plane coordinates (deg), inverting the distortion by iteration."""
        xi, eta = np.asarray(xi, np.float64), np.asarray(eta, np.float64)
        inverse = np.linalg.inv(self.cd)
        x = self.crpix[0] + inverse[0, 0] * xi + inverse[0, 1] * eta
        y = self.crpix[1] + inverse[1, 0] * xi + inverse[1, 1] * eta
        for _ in range(_INVERSE_ITERATIONS):
            xi_now, eta_now = self.pixel_to_plane(x, y)
            dx = inverse[0, 0] * (xi - xi_now) + inverse[0, 1] * (eta - eta_now)
            dy = inverse[1, 0] * (xi - xi_now) + inverse[1, 1] * (eta - eta_now)
            x, y = x + dx, y + dy
            step = np.maximum(np.abs(dx), np.abs(dy))
            if not np.any(step[np.isfinite(step)] > _INVERSE_TOLERANCE_PIXEL):
                break
        return x, y

    def footprint(self, shape: tuple[int, int]) -> tuple[Floats, Floats]:
        """Return right ascension and declination (deg) of the four corners of an image, counted around."""
        ny, nx = shape
        return self.pixel_to_sky([-0.5, nx - 0.5, nx - 0.5, -0.5], [-0.5, -0.5, ny - 0.5, ny - 0.5])


def _tpv(first: Floats, second: Floats, coefficients: tuple[float, ...]) -> Floats:
    radius = np.hypot(first, second)
    total = np.zeros_like(radius)
    for value, (i, j, k) in zip(coefficients, tpv_terms(), strict=False):
        if value:
            total = total + value * first**i * second**j * radius**k
    return total


def separation_deg(ra: float, dec: float, other_ra: ArrayLike, other_dec: ArrayLike) -> Floats:
    """Return great-circle distances (deg) from one position to others (deg), exact for small ones.

    Sinnott (1984), S&T 68, 159: the haversine formula.
    """
    delta, other_delta = np.radians(dec), np.radians(np.asarray(other_dec, np.float64))
    along = np.sin(0.5 * np.radians(np.asarray(other_ra, np.float64) - ra)) ** 2
    across = np.sin(0.5 * (other_delta - delta)) ** 2
    return np.degrees(2.0 * np.arcsin(np.sqrt(across + np.cos(delta) * np.cos(other_delta) * along)))


def project(ra: ArrayLike, dec: ArrayLike, centre: tuple[float, float]) -> tuple[Floats, Floats]:
    """Project the sky onto a tangent plane (Calabretta & Greisen 2002, A&A 395, 1077, sect. 5.1.3).

    Parameters
    ----------
    ra, dec : array
        Degrees.
    centre : tuple of float
        Where the plane touches (deg).

    Returns
    -------
    xi, eta : array
        Degrees, xi to the east; NaN for points that are not in the hemisphere of the centre.
    """
    alpha, delta = np.radians(np.asarray(ra, np.float64)), np.radians(np.asarray(dec, np.float64))
    alpha0, delta0 = np.radians(centre[0]), np.radians(centre[1])
    cos_distance = np.sin(delta) * np.sin(delta0) + np.cos(delta) * np.cos(delta0) * np.cos(alpha - alpha0)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where(cos_distance > 0, 1.0 / cos_distance, np.nan)
    xi = np.cos(delta) * np.sin(alpha - alpha0) * scale
    eta = (np.sin(delta) * np.cos(delta0) - np.cos(delta) * np.sin(delta0) * np.cos(alpha - alpha0)) * scale
    return np.degrees(xi), np.degrees(eta)


def deproject(xi: ArrayLike, eta: ArrayLike, centre: tuple[float, float]) -> tuple[Floats, Floats]:
    """Return the sky positions (deg) of points on a tangent plane; the inverse of `project`."""
    x, y = np.radians(np.asarray(xi, np.float64)), np.radians(np.asarray(eta, np.float64))
    alpha0, delta0 = np.radians(centre[0]), np.radians(centre[1])
    along = np.cos(delta0) - y * np.sin(delta0)
    alpha = alpha0 + np.arctan2(x, along)
    delta = np.arctan2(np.sin(delta0) + y * np.cos(delta0), np.hypot(x, along))
    return np.degrees(alpha) % 360.0, np.degrees(delta)
