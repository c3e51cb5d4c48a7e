"""Compares what the chain measured with the truth of the simulation: nothing else reads the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table
from scipy.spatial import KDTree

from seechange_core.builtin.simulated_survey import truth_path
from seechange_core.commands.demonstration.survey import SurveyRun
from seechange_core.frames import MeasurementTable
from seechange_core.frames.photometry import NJY_ZERO_POINT
from seechange_core.pipeline import exposure_plan
from seechange_core.runner.products import Products
from seechange_core.runner.section_report import DONE, SectionReport

#: A measurement is of a source that is no farther than so many sigma of its position, or this.
_MATCH_SIGMA, _LEAST_RADIUS_PIXEL = 3.0, 1.0
_BRIGHT_SNR, _FAINT_SNR = 10.0, 5.0
# Half the range between them is the standard deviation of a Gaussian, and more precise than one from the median
# absolute deviation: to 5 % instead of 7 % with the 300 pulls of the survey.
_ONE_SIGMA_PERCENT = 15.87, 84.13
#: Kinds of sources whose change is real.
_CHANGING = ("transient", "variable")


@dataclass(frozen=True)
class SectionComparison:
    """One section of a new epoch.

    Parameters
    ----------
    report : SectionReport
        How it ended.
    products : Products
        What it made, by role.
    mjd, filter : float, str
        Of the image.
    measured : MeasurementTable
        Its candidates.
    transients : Table
        Truth of the transients on it: ``id``, ``x``, ``y``, ``flux`` (electron), ``magnitude``, ``snr``, and ``row``:
        the measurement of it by `match_radius_pixel`, -1 for none.
    n_false : int
        Measurements that are of no transient and no variable star.
    wcs_error_mas : array of shape (2, n)
        Measured minus true position of the stars, east and north.
    zero_point_error_mag : float
        Measured minus true.
    """

    report: SectionReport
    products: Products
    mjd: float
    filter: str
    measured: MeasurementTable
    transients: Table
    n_false: int
    wcs_error_mas: Any
    zero_point_error_mag: float


def compare(run: SurveyRun) -> list[SectionComparison]:
    """Compare every section of the new epochs that is done."""
    new = {path.name: number for number, path in enumerate(run.files.new)}
    survey = Table.read(run.files.truth, hdu="TRANSIENTS")
    epochs = Table.read(run.files.truth, hdu="EPOCHS")
    zero_points = {str(row["file"]).strip(): float(row["zero_point"]) for row in epochs}
    exposures = {path.name: path for path in run.files.new}
    return [
        _compared(
            run,
            report,
            exposures[report.exposure],
            survey,
            new[report.exposure],
            zero_points[report.exposure],
        )
        for report in run.reports
        if report.exposure in new and report.state == DONE
    ]


def _compared(
    run: SurveyRun, report: SectionReport, path: Path, survey: Table, epoch: int, zero_point: float
) -> SectionComparison:
    products = Products(run.services.store.products)
    plan = exposure_plan(run.services.profile)
    of_search = {planned.process for planned in plan}
    for step in report.steps:
        if step.process in of_search:
            products.add(step.product_id, plan[step.process].step.outputs, step.metrics)
    image, measured = products["image"], products["measurements"]
    truth = Table.read(truth_path(path))
    truth = truth[np.char.strip(truth["section"].astype(str)) == report.section]
    kind = np.char.strip(truth["kind"].astype(str))
    transients = truth[kind == "transient"]
    snr = dict(zip(survey["id"].tolist(), survey["expected_snr"][:, epoch].tolist(), strict=True))
    transients["snr"] = [snr[int(number)] for number in transients["id"]]
    radius = match_radius_pixel(measured)
    nearest, distance = _nearest(transients, measured)
    transients["row"] = np.where(distance <= np.append(radius, 0.0)[nearest], nearest, -1)
    _, distance_of_changing = _nearest(measured, truth[np.isin(kind, _CHANGING)])
    stars = truth[kind == "star"]
    ra, dec = products["mapping"].pixel_to_sky(stars["x"], stars["y"])
    east = (ra - stars["ra"]) * np.cos(np.radians(stars["dec"]))
    return SectionComparison(
        report=report,
        products=products,
        mjd=image.info["mjd"],
        filter=image.info["filter"],
        measured=measured,
        transients=transients,
        n_false=int(np.count_nonzero(distance_of_changing > radius)),
        wcs_error_mas=np.stack([east, dec - stars["dec"]]) * 3.6e6,
        zero_point_error_mag=products["photometry"].zero_point - zero_point,
    )


def match_radius_pixel(measured: MeasurementTable) -> Any:
    """Return how far from each measurement its source may be: 3 sigma of the measured position, 1 pixel at least."""
    error = np.hypot(measured["x_error"], measured["y_error"]) / np.sqrt(2.0)
    return np.fmax(_MATCH_SIGMA * error, _LEAST_RADIUS_PIXEL)


def _nearest(points: Any, others: Any) -> tuple[Any, Any]:
    """Return for each point the row of the nearest other one, and its distance: -1 and infinity without others."""
    if len(points["x"]) == 0 or len(others["x"]) == 0:
        return np.full(len(points["x"]), -1), np.full(len(points["x"]), np.inf)
    tree = KDTree(np.stack([others["x"], others["y"]], axis=1))
    distance, row = tree.query(np.stack([points["x"], points["y"]], axis=1))
    return row, distance


def figures(run: SurveyRun, compared: Sequence[SectionComparison]) -> dict[str, Any]:
    """Return the figures of the demonstration: JSON values.

    A transient counts once, at the epoch at which its expected S/N is best.
    """
    best: dict[int, tuple[float, bool]] = {}
    for section in compared:
        for row in section.transients:
            seen = float(row["snr"]), bool(row["row"] >= 0)
            best[int(row["id"])] = max(best.get(int(row["id"]), seen), seen)
    bright = [found for snr, found in best.values() if snr >= _BRIGHT_SNR]
    faint = [found for snr, found in best.values() if _FAINT_SNR <= snr < _BRIGHT_SNR]
    errors = np.concatenate([section.wcs_error_mas.ravel() for section in compared] or [np.zeros(0)])
    offsets = [section.zero_point_error_mag for section in compared]
    pulls = np.concatenate([_flux_pulls(section) for section in compared] or [np.zeros(0)])
    return {
        "sections": len(run.reports),
        "sections_done": sum(report.state == DONE for report in run.reports),
        "injected_snr10": len(bright),
        "found_snr10": sum(bright),
        "injected_snr5_10": len(faint),
        "found_snr5_10": sum(faint),
        "false_per_section": _mean([section.n_false for section in compared]),
        "false_per_section_max": max((section.n_false for section in compared), default=0),
        "wcs_rms_mas": float(np.sqrt(np.mean(errors**2))) if len(errors) else None,
        "zp_error_mmag": max((abs(offset) for offset in offsets), default=0.0) * 1000 if offsets else None,
        "flux_pull_median": float(np.median(pulls)) if len(pulls) else None,
        "flux_pull_scatter": float(np.ptp(np.percentile(pulls, _ONE_SIGMA_PERCENT)) / 2)
        if len(pulls)
        else None,
        "cpu_s_per_section": _cpu_s(run.reports),
        "seconds_by_stage": {name: round(seconds, 2) for name, seconds in run.seconds.items()},
    }


def _flux_pulls(section: SectionComparison) -> Any:
    found = section.transients[section.transients["row"] >= 0]
    measured = section.measured.rows(np.asarray(found["row"]))
    true_njy = 10 ** (0.4 * (NJY_ZERO_POINT - found["magnitude"]))
    return np.asarray((measured["flux"] - true_njy) / measured["flux_error"])


def _cpu_s(reports: Sequence[SectionReport]) -> dict[str, float]:
    """Return the mean CPU time of each step over the sections for which it was not there already."""
    spent: dict[str, list[float]] = {}
    for report in reports:
        for step in report.steps:
            if step.made:
                spent.setdefault(step.process, []).append(step.cpu_s)
    return {process: round(_mean(values), 3) for process, values in spent.items()}


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else 0.0
