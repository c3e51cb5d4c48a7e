"""Builds calibration frames of every section from raw exposures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from seechange_core.errors import InputError, Rejected
from seechange_core.imaging.calibration.bad_pixel_map import bad_pixel_map
from seechange_core.imaging.calibration.calibration_frames import MadeCalibration, make_calibration
from seechange_core.imaging.calibration.exposure_stack import ExposureStack
from seechange_core.imaging.calibration.sky_exposures import smooth_sky, sources_of
from seechange_core.provenance import Provenance
from seechange_core.runner.calibration_inputs import bound_corrections, corrections_before
from seechange_core.runner.calibration_jobs import CalibrationJob, CalibrationPlan, plan_calibrations
from seechange_core.runner.calibration_products import BuiltCalibration, CalibrationProduct
from seechange_core.runner.services import Services
from seechange_core.store.rows.calibrations import Validity

_VERSION = "1.1"
_OF_THE_SKY = {"skyflat", "fringe", "illumination"}

#: Hears of the section (with its filter), and how many of how many exposures of it have been read.
Say = Callable[[str, int, int], None]


@dataclass(frozen=True)
class BuildOptions:
    """How calibration frames are built.

    Parameters
    ----------
    fewest : int
        Exposures that must be left of each section and filter.
    per_amplifier : bool
        Scale the amplifiers of flats one by one.
    filter, night, sections
        Which exposures and sections; see `plan_calibrations`.
    """

    fewest: int = 3
    per_amplifier: bool = False
    filter: str = ""
    night: date | None = None
    sections: tuple[str, ...] = ()


def build_calibrations(
    services: Services,
    kind: str,
    exposures: Sequence[tuple[Path, ...]],
    *,
    valid_from_mjd: float | None = None,
    valid_to_mjd: float | None = None,
    options: BuildOptions | None = None,
    say: Say = lambda what, done, total: None,
) -> list[BuiltCalibration]:
    """Combine the exposures of one kind, by section and filter.

    Parameters
    ----------
    kind : str
        ``bias``, ``dark``, ``flat``, ``skyflat``, ``fringe``, ``illumination`` or ``badpixels``.
    exposures : sequence of tuple of Path
        The files of each exposure; their order does not matter, and one that is named twice enters once.
    valid_from_mjd, valid_to_mjd : float, optional
        When the results may be used; no limit by default.
    options : BuildOptions, optional
        How.
    say : callable, optional
        Hears of progress.

    Returns
    -------
    list of BuiltCalibration
        Where too few exposures were left, or one has another shape, ``problem`` says so.

    Raises
    ------
    InputError
        If there are no exposures of the kind at all; names those that do not fit and why.
    MissingInput
        If what the exposures have to be corrected with is not there.
    """
    chosen = options or BuildOptions()
    plan = plan_build(services, kind, exposures, chosen)
    validity = Validity(valid_from_mjd, valid_to_mjd)
    built = [build_job(services, job, chosen, validity, say) for job in plan.jobs]
    return [replace(one, rejected={**plan.rejected, **one.rejected}) for one in built]


def plan_build(
    services: Services, kind: str, exposures: Sequence[tuple[Path, ...]], options: BuildOptions
) -> CalibrationPlan:
    """Return which frames the exposures make with these options; see `plan_calibrations`."""
    return plan_calibrations(
        services,
        kind,
        exposures,
        filter=options.filter,
        night=options.night,
        sections=options.sections,
        fewest=options.fewest,
    )


def build_job(
    services: Services, job: CalibrationJob, options: BuildOptions, validity: Validity, say: Say
) -> BuiltCalibration:
    """Build the frame of one section, or find it; see `build_calibrations`."""
    components = corrections_before(services, job.kind)
    parameters = {"fewest": options.fewest, "per_amplifier": options.per_amplifier}
    provenance = Provenance.of(job.kind, _VERSION, parameters, {"": components}, {})
    product = CalibrationProduct(job, provenance, bound_corrections(services, job, components))
    record = product.record(services)
    known = product.known(services, record.product_id)
    if known is not None:
        return known
    try:
        made, unread = _made(services, product, record.product_id, options, say)
    except ValueError as error:
        return product.failed(str(error))
    return product.register(services, record, made.frame, {**unread, **made.rejected}, made.metrics, validity)


def _made(
    services: Services, product: CalibrationProduct, identity: str, options: BuildOptions, say: Say
) -> tuple[MadeCalibration, dict[str, str]]:
    """Return the frame, and which exposures could not be read."""
    job = product.job
    if job.kind != "badpixels":
        with _scratch(services) as stack:
            unread = _fill(services, product, {job.kind: stack}, say)
            made = make_calibration(
                job.kind, stack, identity, fewest=options.fewest, per_amplifier=options.per_amplifier
            )
        return made, unread
    with ExitStack() as opened:
        stacks = {kind: opened.enter_context(_scratch(services)) for kind in ("flat", "dark")}
        unread = _fill(services, product, stacks, say)
        made = bad_pixel_map(stacks["flat"], stacks["dark"], identity, fewest=options.fewest)
    return made, unread


def _scratch(services: Services) -> ExposureStack:
    services.store.files.root.mkdir(parents=True, exist_ok=True)
    return ExposureStack(services.store.files.root)


def _fill(
    services: Services, product: CalibrationProduct, stacks: dict[str, ExposureStack], say: Say
) -> dict[str, str]:
    """Read, correct and add the exposures of a job; return which could not be read, and why."""
    job, unread = product.job, {}
    for number, exposure in enumerate(job.exposures):
        say(_what(job), number, len(job.exposures))
        kind = job.kind if job.kind in stacks else exposure.header.kind
        of_sky = job.kind in _OF_THE_SKY and exposure.header.kind == "science"
        try:
            section, saturated = product.corrections.only(kind).read(services, exposure, job.section)
            stacks[kind].add(
                section,
                name=exposure.name,
                saturated_fraction=saturated,
                hidden=sources_of(section) if of_sky else None,
                sky=smooth_sky(section) if job.kind == "fringe" else None,
            )
        except (InputError, Rejected, ValueError) as error:
            unread[exposure.name] = str(error)
    say(_what(job), len(job.exposures), len(job.exposures))
    return unread


def _what(job: CalibrationJob) -> str:
    return " ".join(part for part in (job.kind, job.section, job.filter) if part)
