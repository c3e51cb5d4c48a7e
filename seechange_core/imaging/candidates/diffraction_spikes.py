"""Diffraction spikes of saturated stars, found and measured on the image that has them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from seechange_core.frames import Floats, Frame, unusable
from seechange_core.imaging.candidates.saturated_stars import SaturatedStars
from seechange_core.imaging.robust import scatter

#: Angles are told from stars of so many saturated pixels and more, the largest of them.
_FEWEST_PIXELS = 5
_MOST_STARS = 30
_DIRECTIONS = 360
#: Where angles are measured: from so far beyond the saturated core, on so many rings so many pixels apart.
_CORE_FWHM = 2.0
_RINGS, _RING_PIXELS = 40, 1.5
#: What a spike sticks out of: the profile around the star within this angle (deg).
_SMOOTH_DEG = 41
#: About as wide as spikes are there (deg, of a Gaussian).
_WIDTH_DEG = 2.0
_ANGLE_SIGMA = 5.0
#: Of each of the two opposite arms of a vane: a neighbour makes one only.
_SIDE_SIGMA = 2.0
#: Spikes of one star are no nearer to each other (deg).
_APART_DEG = 15
#: A spike goes on as long as pieces of this length (pixel) are brighter than what is beside them.
_PIECE = 12
_PIECES = 40
_PIECE_SIGMA = 3.0
_BESIDE_FWHM = 3.0


@dataclass(frozen=True)
class Spikes:
    """Arms of diffraction spikes, from the centres of their stars.

    Parameters
    ----------
    x, y : array of shape (n,)
        Centres of the stars (pixel).
    angle_deg : array of shape (n,)
        From +x to +y.
    length : array of shape (n,)
        From the centre to where the arm fades away (pixel).
    """

    x: Floats
    y: Floats
    angle_deg: Floats
    length: Floats

    def distance(self, x: Floats, y: Floats) -> Floats:
        """Return the distances (pixel) of positions to the axis of the nearest arm; NaN without any."""
        if not len(self.x):
            return np.full(len(x), np.nan)
        cosine, sine = np.cos(np.radians(self.angle_deg)), np.sin(np.radians(self.angle_deg))
        right, up = x[:, None] - self.x, y[:, None] - self.y
        along = np.clip(right * cosine + up * sine, 0.0, self.length)
        nearest: Floats = np.hypot(right - along * cosine, up - along * sine).min(axis=1)
        return nearest


def diffraction_spikes(frame: Frame, stars: SaturatedStars, fwhm: float) -> Spikes:
    """Find the spikes of the saturated stars of an image.

    Their angles are the same for all stars of an image, and each vane of the telescope makes two opposite ones: so all
    stars together tell the angles. How far each reaches is then measured star by star.

    Parameters
    ----------
    frame : Frame
        With or without sky.
    stars : SaturatedStars
        Of this image.
    fwhm : float
        Of the PSF (pixel).
    """
    brightest = np.argsort(-stars.n_pixels, kind="stable")[:_MOST_STARS]
    chosen = brightest[stars.n_pixels[brightest] >= _FEWEST_PIXELS]
    start = stars.radii + _CORE_FWHM * fwhm
    weight = np.sqrt(stars.n_pixels)
    angles = spike_angles(frame, stars.x[chosen], stars.y[chosen], start[chosen], weight[chosen])
    star = np.repeat(chosen, len(angles))
    angle = np.tile(angles, len(chosen))
    length = _lengths(frame, stars.x[star], stars.y[star], angle, start[star], fwhm)
    seen = length > 0.0
    return Spikes(stars.x[star][seen], stars.y[star][seen], angle[seen], length[seen])


def spike_angles(frame: Frame, x: Floats, y: Floats, start: Floats, weight: Floats) -> Floats:
    """Return the angles (deg, from +x to +y, 0 to 360) in which all of some stars together have more light.

    Parameters
    ----------
    frame : Frame
        The image.
    x, y : array of shape (n,)
        Centres of stars (pixel).
    start : array of shape (n,)
        Radius within which no light is looked at (pixel).
    weight : array of shape (n,)
        Of the stars.
    """
    if not len(x):
        return np.empty(0)
    theta = np.radians(np.arange(_DIRECTIONS) * 360.0 / _DIRECTIONS)
    radius = start[:, None] + _RING_PIXELS * np.arange(_RINGS)
    columns = x[:, None, None] + radius[:, :, None] * np.cos(theta)
    rows = y[:, None, None] + radius[:, :, None] * np.sin(theta)
    light, noise = _sampled(frame, columns, rows)
    level = _median(light, axis=2)
    profile = _median((light - level[:, :, None]) / noise, axis=1)
    together = weight @ profile / weight.sum()
    sharp = together - ndimage.median_filter(together, _SMOOTH_DEG, mode="wrap")
    sharp = ndimage.gaussian_filter1d(sharp, _WIDTH_DEG, mode="wrap")
    sides = sharp.reshape(2, _DIRECTIONS // 2)
    both = sides.mean(axis=0)
    highest = ndimage.maximum_filter1d(both, 2 * _APART_DEG + 1, mode="wrap")
    significant = (both > _ANGLE_SIGMA * scatter(both)) & (sides.min(axis=0) > _SIDE_SIGMA * scatter(sharp))
    found = np.flatnonzero((both == highest) & significant & (both > 0.0))
    centres = _refined(both, found)
    return np.concatenate([centres, centres + 180.0]) % 360.0


def _refined(profile: Floats, peaks: NDArray[np.intp]) -> Floats:
    """Return the tops of parabolas through peaks of a periodic profile (deg)."""
    before, top, after = (profile[(peaks + step) % len(profile)] for step in (-1, 0, 1))
    bend = before - 2.0 * top + after
    shift = np.where(bend < 0.0, 0.5 * (before - after) / np.where(bend < 0.0, bend, -1.0), 0.0)
    refined: Floats = (peaks + shift) * 360.0 / _DIRECTIONS
    return refined


def _lengths(frame: Frame, x: Floats, y: Floats, angle_deg: Floats, start: Floats, fwhm: float) -> Floats:
    """Return how far arms can be followed, in pixels from the centre; 0 where there is none."""
    cosine, sine = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    along = start[:, None] + np.arange(_PIECE * _PIECES)
    across = np.array([-1.0, 0.0, 1.0])
    pieces, errors = [], []
    for side in (0.0, -_BESIDE_FWHM * fwhm, _BESIDE_FWHM * fwhm):
        offset = (side + across)[None, None, :]
        columns = x[:, None, None] + along[:, :, None] * cosine[:, None, None] - offset * sine[:, None, None]
        rows = y[:, None, None] + along[:, :, None] * sine[:, None, None] + offset * cosine[:, None, None]
        light, noise = _sampled(frame, columns, rows)
        shape = (len(x), _PIECES, _PIECE * len(across))
        light, noise = light.reshape(shape), noise.reshape(shape)
        known = np.isfinite(light)
        number = known.sum(axis=2)
        pieces.append(np.where(known.any(axis=2), _median(light, axis=2), np.nan))
        # A median scatters by a quarter more than a mean.
        with np.errstate(divide="ignore", invalid="ignore"):
            error = 1.25 * np.sqrt(np.where(known, noise**2, 0.0).sum(axis=2)) / number
        errors.append(np.where(number > 0, error, np.inf))
    brighter = (pieces[2] > pieces[1]) | np.isnan(pieces[1])
    beside = np.where(brighter, pieces[2], pieces[1])
    error = np.hypot(errors[0], np.where(brighter, errors[2], errors[1]))
    with np.errstate(invalid="ignore"):
        bright = (pieces[0] - beside) > _PIECE_SIGMA * error
    number = np.argmin(np.concatenate([bright, np.zeros((len(x), 1), bool)], axis=1), axis=1)
    return np.where(number > 0, start + number * _PIECE, 0.0)


def _sampled(frame: Frame, columns: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """Return the nearest pixels' values and noise; NaN where unusable or off the image."""
    ny, nx = frame.shape
    column, row = np.floor(columns + 0.5).astype(np.intp), np.floor(rows + 0.5).astype(np.intp)
    inside = (column >= 0) & (column < nx) & (row >= 0) & (row < ny)
    place = np.where(inside, row * nx + column, 0)
    good = inside & ~unusable(frame.mask.ravel()[place])
    light = np.where(good, frame.data.ravel()[place], np.nan)
    noise = np.sqrt(np.where(good, frame.variance.ravel()[place], np.nan))
    return light, noise


def _median(values: Floats, axis: int) -> Floats:
    """Median of what is known, 0 where nothing is; numpy's is slow and warns where nothing is known."""
    ordered = np.sort(values, axis=axis)
    known = np.isfinite(values).sum(axis=axis)
    middle = np.stack([(known - 1) // 2, known // 2], axis=axis).clip(0)
    found: Floats = np.take_along_axis(ordered, middle, axis=axis).mean(axis=axis)
    return np.where(known > 0, found, 0.0)
