"""Measures gain, read noise and full well of every amplifier from pairs of raw flats."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from seechange_core.errors import InputError, Rejected
from seechange_core.frames import CalibrationTable, ColumnTable, Floats, SectionData
from seechange_core.imaging.calibration.photon_transfer import (
    TransferCurve,
    TransferPoints,
    fit_transfer,
    pair_points,
    read_variance,
)
from seechange_core.provenance import Provenance
from seechange_core.runner.calibration_frames import BuildOptions, Say
from seechange_core.runner.calibration_inputs import Corrections, bound_corrections, corrections_before
from seechange_core.runner.calibration_jobs import CalibrationExposure, CalibrationJob, plan_calibrations
from seechange_core.runner.calibration_products import BuiltCalibration, CalibrationProduct
from seechange_core.runner.measured_sensor import GAIN
from seechange_core.runner.services import Services
from seechange_core.store.rows.calibrations import Validity

_VERSION = "1.0"
#: Two flats of one pair have the same level up to this fraction.
_LEVEL_TOLERANCE = 0.1
_FEWEST_FLATS = 2


@dataclass
class AmplifierMeasurements:
    """What the exposures of a section say of one amplifier.

    Parameters
    ----------
    points : list of TransferPoints
        Of each pair of flats.
    read_variances : list of float
        Of each pair of biases (ADU^2).
    level_adu : float
        Of the overscan that was subtracted.
    """

    points: list[TransferPoints]
    read_variances: list[float]
    level_adu: float


@dataclass(frozen=True)
class MeasuredGain:
    """The calibration of a section with the curves behind it, by amplifier, for plots; none if it was known before."""

    built: BuiltCalibration
    curves: dict[str, TransferCurve]


def measure_gains(
    services: Services,
    exposures: Sequence[tuple[Path, ...]],
    *,
    valid_from_mjd: float | None = None,
    valid_to_mjd: float | None = None,
    options: BuildOptions | None = None,
    again: bool = False,
    say: Say = lambda what, done, total: None,
) -> list[MeasuredGain]:
    """Measure the amplifiers of each section by photon transfer and register the result.

    Flats of the same filter and exposure time that follow each other make pairs. Pairs of biases give the read noise;
    without them it is fitted.

    Parameters
    ----------
    exposures : sequence of tuple of Path
        Files of flats and biases.
    again : bool
        Measure also what is registered, so that the curves can be drawn.
    valid_from_mjd, valid_to_mjd, options, say
        As for `build_calibrations`.

    Raises
    ------
    InputError
        If there are no exposures of these kinds.
    """
    chosen = options or BuildOptions()
    plan = plan_calibrations(
        services,
        GAIN,
        exposures,
        filter=chosen.filter,
        night=chosen.night,
        sections=chosen.sections,
        fewest=_FEWEST_FLATS,
    )
    components = corrections_before(services, GAIN)
    provenance = Provenance.of(GAIN, _VERSION, {}, {"": components}, {})
    measured = []
    for job in plan.jobs:
        product = CalibrationProduct(
            job, provenance, _as_declared(bound_corrections(services, job, components))
        )
        one = _measured(services, product, Validity(valid_from_mjd, valid_to_mjd), again, say)
        built = replace(one.built, rejected={**plan.rejected, **one.built.rejected})
        measured.append(MeasuredGain(built, one.curves))
    return measured


def _as_declared(corrections: Corrections) -> Corrections:
    """Leave out an earlier measurement of the gain: a new one must not depend on it."""
    return replace(corrections, sensor=replace(corrections.sensor, by_amplifier={}, gain_identity=""))


def _measured(
    services: Services, product: CalibrationProduct, validity: Validity, again: bool, say: Say
) -> MeasuredGain:
    record = product.record(services)
    known = product.known(services, record.product_id)
    if known is not None and not again:
        return MeasuredGain(known, {})
    amplifiers, rejected = _measurements(services, product, say)
    try:
        curves = {name: _curve(product.job, name, found) for name, found in amplifiers.items()}
    except ValueError as error:
        reasons = [f"{name}: {reason}" for name, reason in rejected.items()]
        return MeasuredGain(product.failed("; ".join([str(error), *reasons])), {})
    if not curves:
        reasons = [f"{name}: {reason}" for name, reason in rejected.items()]
        problem = f"{product.job.section}: there is no pair of flats of one filter, exposure time and level"
        return MeasuredGain(product.failed("; ".join([problem, *reasons])), {})
    if known is not None:
        return MeasuredGain(known, curves)
    table = _table(curves, amplifiers)
    n_combined = len(product.job.exposures) - len(rejected)
    metrics: dict[str, Any] = {"n_combined": n_combined, "amplifiers": _rows(table)}
    calibration = CalibrationTable(GAIN, table, record.product_id)
    return MeasuredGain(product.register(services, record, calibration, rejected, metrics, validity), curves)


def _measurements(
    services: Services, product: CalibrationProduct, say: Say
) -> tuple[dict[str, AmplifierMeasurements], dict[str, str]]:
    """Read pair after pair; return what they say by amplifier, and which exposures were left out and why."""
    job = product.job
    rejected: dict[str, str] = {}
    found: dict[str, AmplifierMeasurements] = {}
    pairs = list(_pairs(job, rejected))
    declared = _declared_saturation(services, product) if pairs else {}
    for number, (kind, pair) in enumerate(pairs):
        say(f"{GAIN} {job.section}", number, len(pairs))
        try:
            first, second = (
                product.corrections.read(services, exposure, job.section)[0] for exposure in pair
            )
        except (InputError, Rejected) as error:
            rejected |= {exposure.name: f"its pair cannot be read: {error}" for exposure in pair}
            continue
        reason = _mismatch(first, second) if kind == "flat" else ""
        if reason:
            rejected |= {exposure.name: reason for exposure in pair}
            continue
        for amplifier in first.amplifiers:
            one, other = (
                np.ascontiguousarray(section.data[amplifier.data.slices]) for section in (first, second)
            )
            entry = found.setdefault(
                amplifier.name,
                AmplifierMeasurements([], [], declared[amplifier.name] - amplifier.saturation_adu),
            )
            if kind == "flat":
                entry.points.append(pair_points(one, other))
            else:
                entry.read_variances.append(read_variance(one, other))
    say(f"{GAIN} {job.section}", len(pairs), len(pairs))
    return {name: entry for name, entry in found.items() if entry.points}, rejected


def _declared_saturation(services: Services, product: CalibrationProduct) -> dict[str, float]:
    """Return the saturation level of raw pixels by amplifier; corrections lower it by what they subtract."""
    raw = services.instrument.read(product.job.exposures[0].files, product.job.section)
    return {
        amplifier.name: amplifier.saturation_adu
        for amplifier in product.corrections.sensor.described(raw).amplifiers
    }


def _pairs(
    job: CalibrationJob, rejected: dict[str, str]
) -> Iterator[tuple[str, tuple[CalibrationExposure, CalibrationExposure]]]:
    """Yield what follows each other in time and is of one kind, filter and exposure time; the rest is rejected."""

    def alike(exposure: CalibrationExposure) -> tuple[str, str, float]:
        header = exposure.header
        return header.kind, header.filter, round(header.exposure_s, 2)

    for (kind, _, exposure_s), members in itertools.groupby(sorted(job.exposures, key=alike), alike):
        in_order = list(members)
        yield from ((kind, pair) for pair in zip(in_order[::2], in_order[1::2], strict=False))
        if len(in_order) % 2:
            what = "bias" if kind == "bias" else f"flat of {exposure_s:g} s in its filter"
            rejected[in_order[-1].name] = f"there is no other {what} to make a pair with"


def _mismatch(first: SectionData, second: SectionData) -> str:
    levels = [float(np.median(section.data)) for section in (first, second)]
    if min(levels) <= 0 or max(levels) > (1.0 + _LEVEL_TOLERANCE) * min(levels):
        return f"the levels of its pair differ: {levels[0]:.0f} and {levels[1]:.0f} ADU"
    return ""


def _curve(job: CalibrationJob, name: str, found: AmplifierMeasurements) -> TransferCurve:
    read_noise_adu = math.sqrt(np.mean(found.read_variances)) if found.read_variances else None
    try:
        return fit_transfer(TransferPoints.joined(found.points), read_noise_adu)
    except ValueError as error:
        raise ValueError(f"{job.section}, amplifier {name}: {error}") from error


def _table(curves: dict[str, TransferCurve], amplifiers: dict[str, AmplifierMeasurements]) -> ColumnTable:
    """Return one row an amplifier; the saturation is that of raw pixels, NaN where the full well was not reached."""
    members = list(curves.values())

    def column(name: str) -> Floats:
        return np.array([getattr(curve, name) for curve in members], np.float64)

    levels = np.array([amplifiers[name].level_adu for name in curves])
    return ColumnTable(
        {
            "amplifier": list(curves),
            "gain": column("gain"),
            "gain_error": column("gain_error"),
            "read_noise_electron": column("read_noise_electron"),
            "full_well_electron": column("full_well_electron"),
            "full_well_error_electron": column("full_well_error_adu") * column("gain"),
            "brightest_electron": column("brightest_adu") * column("gain"),
            "curvature": column("curvature"),
            "saturation_adu": column("full_well_adu") + levels,
        }
    )


def _rows(table: ColumnTable) -> list[dict[str, Any]]:
    """Return the table as JSON values; what is not known is None."""
    return [
        {
            name: str(values[row])
            if values.dtype.kind == "U"
            else (float(values[row]) if np.isfinite(values[row]) else None)
            for name, values in table.items()
        }
        for row in range(table.n_rows)
    ]
