"""Photon-transfer curves: variance against mean, and what the fit leaves."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from seechange_core.imaging.calibration.photon_transfer import TransferCurve
from seechange_core.plots.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, RED, SKY_BLUE, new_figure

_COLOURS = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY_BLUE)


def plot_transfer(section: str, curves: Mapping[str, TransferCurve]) -> Figure:
    """Draw the curves of a section's amplifiers; a dotted line marks the full well.

    Parameters
    ----------
    section : str
        For the title.
    curves : mapping of str to TransferCurve
        By amplifier.
    """
    figure = new_figure(7.0, 6.5)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    for number, (name, curve) in enumerate(curves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        mean, variance = curve.bin_mean, curve.bin_variance
        label = f"{name}: {curve.gain:.3f} e/ADU, {curve.read_noise_electron:.2f} e"
        upper.plot(mean, variance, "o", color=colour, markersize=3, label=label)
        along = np.geomspace(max(float(mean.min()), 1.0), float(mean.max()), 200)
        upper.plot(along, curve.variance_at(along), "-", color=colour, linewidth=1)
        lower.plot(mean, variance / curve.variance_at(mean) - 1.0, "o", color=colour, markersize=3)
        if np.isfinite(curve.full_well_adu):
            for axes in (upper, lower):
                axes.axvline(curve.full_well_adu, color=colour, linestyle=":", linewidth=1)
    upper.set(xscale="log", yscale="log", ylabel="variance (ADU$^2$)", title=f"Photon transfer of {section}")
    upper.legend(frameon=False)
    lower.axhline(0.0, color=BLACK, linewidth=0.5)
    lower.set(xlabel="mean (ADU)", ylabel="variance / fit - 1", ylim=(-0.1, 0.1))
    return figure
