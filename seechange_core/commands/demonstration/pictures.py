"""The pictures of the demonstration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from astropy.table import Table

from seechange_core.commands.demonstration.comparison import SectionComparison, match_radius_pixel
from seechange_core.commands.demonstration.survey import SurveyRun
from seechange_core.frames.photometry import NJY_ZERO_POINT
from seechange_core.plots.candidates import plot_stamps
from seechange_core.plots.images import plot_difference
from seechange_core.plots.light_curves import plot_light_curve
from seechange_core.plots.style import save
from seechange_core.simulation.sky import light_curve

_STAMPS = 24
_LEAST_SNR = 5.0


def draw(run: SurveyRun, compared: Sequence[SectionComparison], folder: Path) -> list[Path]:
    """Draw the difference with found and missed transients, a page of stamps, and a light curve over its truth.

    There is no light curve if no transient was found.
    """
    section = max(compared, key=_n_found)
    pictures = [_difference(section, folder / "difference.png"), _stamps(section, folder / "stamps.png")]
    if _n_found(section):
        pictures.append(_light_curve(run, compared, folder / "light_curve.png"))
    return pictures


def _n_found(section: SectionComparison) -> int:
    return int(np.count_nonzero(section.transients["row"] >= 0))


def _difference(section: SectionComparison, path: Path) -> Path:
    injected = section.transients[section.transients["snr"] >= _LEAST_SNR]
    axes = plot_difference(
        section.products["difference"],
        {"x": section.measured["x"], "y": section.measured["y"]},
        {"x": injected["x"], "y": injected["y"]},
        match_radius_pixel=match_radius_pixel(section.measured),
        title=f"Simulated: {section.report.exposure} {section.report.section}, difference, "
        f"transients above expected S/N {_LEAST_SNR:g}",
    )
    save(axes, path)
    return path


def _stamps(section: SectionComparison, path: Path) -> Path:
    order = np.argsort(-np.abs(section.measured["score"]), kind="stable")
    spread = order[np.linspace(0, len(order) - 1, min(_STAMPS, len(order))).astype(int)]
    title = (
        f"Simulated: {section.report.exposure} {section.report.section}; new, reference, difference, score"
    )
    plot_stamps(
        section.products["stamps"].rows(section.measured["stamp"]),
        section.measured,
        section.products["scores"],
        rows=spread.tolist(),
        title=title,
    ).savefig(path)
    return path


def _light_curve(run: SurveyRun, compared: Sequence[SectionComparison], path: Path) -> Path:
    """Draw the transient that was measured most often, of those the most significant one."""
    points: dict[int, list[tuple[float, float, float, float, str]]] = {}
    for section in compared:
        for row in section.transients[section.transients["row"] >= 0]:
            flux, error = (float(section.measured[name][int(row["row"])]) for name in ("flux", "flux_error"))
            point = (section.mjd, flux, error, float(row["snr"]), section.filter)
            points.setdefault(int(row["id"]), []).append(point)
    number = max(points, key=lambda key: (len(points[key]), sum(point[3] for point in points[key])))
    mjd, fluxes, errors, _, filters = (
        np.array(column) for column in zip(*sorted(points[number]), strict=True)
    )
    survey = Table.read(run.files.truth, hdu="TRANSIENTS")
    true = survey[survey["id"] == number][0]
    times = np.linspace(mjd.min() - 4, mjd.max() + 4, 300)
    relative = light_curve(times - true["peak_mjd"], true["rise_day"], true["decay_day"])
    peak_njy = 10 ** (0.4 * (NJY_ZERO_POINT - true["peak_magnitude"]))
    axes = plot_light_curve(
        mjd,
        fluxes,
        errors,
        filters,
        {str(filters[0]): (times, peak_njy * relative)},
        title=f"Simulated transient {number}: measured fluxes over the true light curve",
    )
    save(axes, path)
    return path
