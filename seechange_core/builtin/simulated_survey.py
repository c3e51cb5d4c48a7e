"""A small survey of the simulated camera: calibration exposures, epochs for a reference, and new epochs."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seechange_core.builtin.simcam import SECTIONS
from seechange_core.builtin.simcam_camera import (
    charge_of_sky,
    detector_of,
    expose_bias,
    expose_flat,
    expose_sky,
    true_mapping,
    true_psf,
)
from seechange_core.builtin.simcam_effects import (
    crosstalk_text,
    faulty_numbers,
    faulty_signal,
    linearity_text,
)
from seechange_core.builtin.simcam_files import date_of, write_raw, write_tables
from seechange_core.builtin.simulated_transients import SectionEpoch, place_transients
from seechange_core.builtin.survey_plan import Visit, night_of, survey_sky, survey_visits
from seechange_core.frames import ColumnTable
from seechange_core.simulation.exposure import stacked, static_light, transients_seen
from seechange_core.simulation.rendering import add_points
from seechange_core.simulation.star_catalog import gaia_like_catalog

N_BIAS = 10
N_FLATS = 5
COSMIC_RAYS_PER_SECTION = 8.0
_SECONDS_PER_DAY = 86400.0


@dataclass(frozen=True)
class SurveyFiles:
    """Where a simulated survey lies.

    Parameters
    ----------
    bias, flats, reference, new : tuple of Path
        Raw exposures.
    catalog : Path
        Stars, for the catalogue ``file``.
    truth : Path
        FITS tables ``TRANSIENTS``, ``VARIABLES`` and ``EPOCHS``; ``<stem>.truth.fits`` beside each exposure of the
        sky has every source on it.
    """

    bias: tuple[Path, ...]
    flats: tuple[Path, ...]
    reference: tuple[Path, ...]
    new: tuple[Path, ...]
    catalog: Path
    truth: Path

    @property
    def all(self) -> tuple[Path, ...]:
        """Every file, the truth of each exposure included."""
        exposures = (*self.reference, *self.new)
        truths = (truth_path(path) for path in exposures)
        return (*self.bias, *self.flats, *exposures, *truths, self.catalog, self.truth)


def write_survey(directory: Path, *, seed: int, executor: Executor | None = None) -> SurveyFiles:
    """Write the whole survey; files that are there are left alone, and the same seed gives the same bytes.

    Parameters
    ----------
    directory : Path
        Made if need be.
    seed : int
        Of the sky and the noise; the camera is always the same.
    executor : Executor, optional
        To simulate the two sections at the same time.

    Notes
    -----
    Transients keep 28 pixels from each other, 10 from stars (14 on empty sky, there also from galaxies), 40 from
    bright stars, 90 from edges and 8 from defects, by design: they measure detection and photometry, not
    deblending. The expected signal-to-noise ratios are those of an optimal subtraction of the mean reference.
    """
    directory.mkdir(parents=True, exist_ok=True)
    visits = survey_visits(seed)
    files = _survey_files(directory, visits)
    if all(path.exists() for path in files.all):
        return files
    mapped = map if executor is None else executor.map
    sections = dict(zip(SECTIONS, mapped(_simulated_section, [seed] * len(SECTIONS), SECTIONS), strict=True))
    for visit, path in zip(visits, (*files.reference, *files.new), strict=True):
        _write_once(
            path, _sky_cards(visit), {name: made.raw[visit.number] for name, made in sections.items()}
        )
        _write_truth_once(path, visit, [made.truth[visit.number] for made in sections.values()])
    for kind, paths in (("zero", files.bias), ("dome flat", files.flats)):
        for number, path in enumerate(paths):
            if not path.exists():
                write_raw(
                    path, _calibration_cards(kind, number, visits[0]), _calibration_pixels(kind, number, seed)
                )
    sky = survey_sky(seed)
    _write_tables_once(files.catalog, {"STARS": gaia_like_catalog(np.random.default_rng([seed, 3]), sky)})
    is_variable = sky.stars["amplitude"] > 0
    tables = {
        "TRANSIENTS": stacked(*(made.transients for made in sections.values())),
        "VARIABLES": sky.stars.rows(is_variable),
        "EPOCHS": _epoch_table(visits, (*files.reference, *files.new)),
    }
    _write_tables_once(files.truth, tables)
    return files


def write_single_exposure(
    directory: Path, seed: int, n_cosmic_rays: float = COSMIC_RAYS_PER_SECTION, faults: bool = False
) -> Path:
    """Write the first new epoch of a survey without transients, and its truth; return its path.

    With faults, charge bleeds, the response is bent and amplifiers leave ghosts in each other; ``crosstalk.txt`` and
    ``linearity.csv`` beside the exposure then describe that truly, for ``seechange calibration use``.
    """
    directory.mkdir(parents=True, exist_ok=True)
    visit = next(visit for visit in survey_visits(seed) if visit.is_new)
    sky = survey_sky(seed)
    raw: dict[str, NDArray[np.uint16]] = {}
    signals: dict[str, NDArray[np.float32]] = {}
    truths = []
    for number, section in enumerate(SECTIONS):
        mapping = true_mapping(section, visit.ra_deg, visit.dec_deg)
        light, truth = static_light(sky, mapping, true_psf(section, visit.conditions), visit.conditions)
        rng = np.random.default_rng([seed, 4, number])
        if faults:
            charge = charge_of_sky(rng, detector_of(section), light, visit.conditions, n_cosmic_rays)
            signals[section] = faulty_signal(rng, section, *charge)
        else:
            raw[section] = expose_sky(rng, detector_of(section), light, visit.conditions, n_cosmic_rays)
        truths.append(_with_section(truth, section))
    if faults:
        raw = faulty_numbers(signals)
        (directory / "crosstalk.txt").write_text(crosstalk_text())
        (directory / "linearity.csv").write_text(linearity_text())
    path = directory / _name(visit.conditions.mjd, visit.number)
    _write_once(path, _sky_cards(visit), raw)
    _write_truth_once(path, visit, truths)
    return path


def truth_path(exposure: Path) -> Path:
    """Return the path of the truth of an exposure of the sky."""
    return exposure.with_name(f"{exposure.stem}.truth.fits")


@dataclass(frozen=True)
class _SimulatedSection:
    raw: dict[int, NDArray[np.uint16]]
    truth: dict[int, ColumnTable]
    transients: ColumnTable


def _simulated_section(seed: int, section: str) -> _SimulatedSection:
    sky, index, detector = survey_sky(seed), list(SECTIONS).index(section), detector_of(section)
    epochs, truths = [], []
    for visit in survey_visits(seed):
        mapping, field = (
            true_mapping(section, visit.ra_deg, visit.dec_deg),
            true_psf(section, visit.conditions),
        )
        light, truth = static_light(sky, mapping, field, visit.conditions)
        epochs.append(SectionEpoch(visit, mapping, field, light))
        truths.append(truth)
    placed = place_transients(np.random.default_rng([seed, 2, index]), section, sky, epochs, detector)
    raw, all_truth = {}, {}
    for epoch, truth in zip(epochs, truths, strict=True):
        conditions, number = epoch.visit.conditions, epoch.visit.number
        seen = transients_seen(placed.sky, epoch.mapping, epoch.field, conditions)
        light = epoch.light.copy()
        add_points(light, epoch.field, seen["x"], seen["y"], seen["flux"])
        rng = np.random.default_rng([seed, 1, index, number])
        raw[number] = expose_sky(rng, detector, light, conditions, COSMIC_RAYS_PER_SECTION)
        seen = seen.with_columns(id=placed.table["id"][seen["id"]])
        all_truth[number] = _with_section(stacked(truth, seen), section)
    return _SimulatedSection(raw, all_truth, placed.table)


def _with_section(truth: ColumnTable, section: str) -> ColumnTable:
    return truth.with_columns(section=np.full(truth.n_rows, section))


def _survey_files(directory: Path, visits: tuple[Visit, ...]) -> SurveyFiles:
    first = visits[0].conditions.mjd
    return SurveyFiles(
        bias=tuple(directory / _name(first, number + 1) for number in range(N_BIAS)),
        flats=tuple(directory / _name(first, N_BIAS + number + 1) for number in range(N_FLATS)),
        reference=tuple(directory / _name(v.conditions.mjd, v.number) for v in visits if not v.is_new),
        new=tuple(directory / _name(v.conditions.mjd, v.number) for v in visits if v.is_new),
        catalog=directory / "stars.fits",
        truth=directory / "survey.truth.fits",
    )


def _name(mjd: float, number: int) -> str:
    return f"simcam_{night_of(mjd)}_{number:03d}.fits"


def _sky_cards(visit: Visit) -> dict[str, Any]:
    conditions = visit.conditions
    return _common_cards(conditions.mjd, conditions.exposure_s) | {
        "OBSTYPE": "object",
        "OBJECT": "simulated field",
        "FILTER": conditions.band,
        "RA": round(visit.reported_ra_deg, 6),
        "DEC": round(visit.reported_dec_deg, 6),
        "AIRMASS": conditions.airmass,
    }


def _calibration_cards(kind: str, number: int, first: Visit) -> dict[str, Any]:
    afternoon_mjd = first.conditions.mjd - 0.4 + (number + 100.0 * (kind == "dome flat")) / 1440.0
    cards = _common_cards(afternoon_mjd, 0.0 if kind == "zero" else 10.0) | {"OBSTYPE": kind}
    return cards if kind == "zero" else cards | {"FILTER": first.conditions.band}


def _common_cards(mjd: float, exposure_s: float) -> dict[str, Any]:
    start = date_of(mjd - exposure_s / 2.0 / _SECONDS_PER_DAY)
    cards = {"INSTRUME": "SIMCAM", "TELESCOP": "simulated", "SIMULATE": True, "PROPID": "SIMULATION"}
    return cards | {"DATE-OBS": start, "EXPTIME": exposure_s}


def _calibration_pixels(kind: str, number: int, seed: int) -> dict[str, NDArray[np.uint16]]:
    expose = expose_bias if kind == "zero" else expose_flat
    place = 5 if kind == "zero" else 6
    return {
        section: expose(np.random.default_rng([seed, place, index, number]), detector_of(section))
        for index, section in enumerate(SECTIONS)
    }


def _epoch_table(visits: tuple[Visit, ...], paths: tuple[Path, ...]) -> ColumnTable:
    conditions = [visit.conditions for visit in visits]
    return ColumnTable(
        {
            "file": [path.name for path in paths],
            "is_new": [visit.is_new for visit in visits],
            "mjd": [epoch.mjd for epoch in conditions],
            "filter": [epoch.band for epoch in conditions],
            "seeing_arcsec": [epoch.seeing_arcsec for epoch in conditions],
            "sky_electron": [epoch.sky_electron for epoch in conditions],
            "zero_point": [epoch.zero_point for epoch in conditions],
            "ra": [visit.ra_deg for visit in visits],
            "dec": [visit.dec_deg for visit in visits],
        }
    )


def _write_once(path: Path, cards: dict[str, Any], sections: dict[str, NDArray[np.uint16]]) -> None:
    if not path.exists():
        write_raw(path, cards, sections)


def _write_truth_once(path: Path, visit: Visit, truths: Sequence[ColumnTable]) -> None:
    """Write the truth of an exposure, with the middle of the exposure as its epoch."""
    truth = ColumnTable(stacked(*truths), {"EPOCH": visit.conditions.mjd})
    _write_tables_once(truth_path(path), {"TRUTH": truth})


def _write_tables_once(path: Path, tables: dict[str, ColumnTable]) -> None:
    if not path.exists():
        write_tables(path, tables)
