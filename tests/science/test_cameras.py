"""Raw exposures of the cameras' plugins, from the file to a zero point with the camera's own profile.

The telescope points elsewhere than the header says, and the catalogue has stars all around: the astrometry has to find
its way from the camera's own first WCS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from astropy.table import Table

from seechange_core.errors import Rejected
from seechange_core.frames import SkyMapping
from seechange_core.imaging.astrometry.proper_motion import at_epoch
from seechange_core.imaging.calibration.calibration_frames import combine_calibration
from seechange_core.pipeline import exposure_plan, process_schemas
from seechange_core.profile import Profile, load_profile
from seechange_core.registry import Registry
from seechange_core.runner.calibration_inputs import CORRECTED_BEFORE
from seechange_core.steps.gates import judged
from seechange_core.steps.step import CalibrationRequest, CatalogRequest, StepContext
from tests.extent import WHOLE

pytestmark = pytest.mark.slow

CATALOG_ERROR_MAS = 0.5
#: What comes before the combination of exposures.
Record = Callable[[str, float, str], None]


@dataclass(frozen=True)
class Field:
    """An exposure of one section to simulate, and how well it must come out.

    Parameters
    ----------
    camera, section : str
        Of the plugin.
    options : dict
        For ``write_simulated``.
    faintest_mag : float
        Of the catalogue.
    margin_deg : float
        How far around the section the catalogue reaches.
    rms_mas : float
        Limit of the error of the WCS.
    """

    camera: str
    section: str
    options: dict[str, Any]
    faintest_mag: float
    margin_deg: float
    rms_mas: float


DECAM = {"pointing_error_arcsec": 180.0}
LS4 = {"pointing_error_arcmin": 6.0}
# The WCS can be no better than some 40 (DECam) to 90 stars allow, each with an error of 10 and 45 mas.
FIELDS = {
    "decam_edge": Field("decam", "S29", DECAM | {"rotation_deg": 0.3}, 21.0, 0.15, 6.0),
    "ls4_right": Field("ls4", "SE_C", LS4, 20.0, 0.4, 25.0),
    "ls4_two_amplifiers": Field("ls4", "SW_H", LS4 | {"amplifiers": 2, "rotation_deg": 0.5}, 20.0, 0.4, 25.0),
    # Last, since their calibration frames are needed again in bad weather.
    "decam": Field("decam", "N4", DECAM, 21.0, 0.15, 6.0),
    "ls4_left": Field("ls4", "NE_A", LS4, 20.0, 0.4, 25.0),
}
# As true as 40 stars with 10 mmag each make it, several times over.
ZERO_POINT_MAG = 0.01


def written_catalog(path: Path, truth: Table, faintest_mag: float, margin_deg: float, seed: int) -> Path:
    """Write a catalogue of the stars on the section, and of as many per area all around it."""
    stars = truth[(truth["kind"] == "star") & (truth["magnitude"] < faintest_mag)]
    rng = np.random.default_rng(seed)
    cos_dec = np.cos(np.radians(np.mean(stars["dec"])))
    margin = np.array([margin_deg / cos_dec, margin_deg])
    low = np.array([stars["ra"].min(), stars["dec"].min()])
    high = np.array([stars["ra"].max(), stars["dec"].max()])
    area_ratio = np.prod(high - low + 2 * margin) / np.prod(high - low)
    ra, dec = rng.uniform(low - margin, high + margin, (int(len(stars) * area_ratio), 2)).T
    outside = (ra < low[0]) | (ra > high[0]) | (dec < low[1]) | (dec > high[1])
    magnitude = rng.choice(stars["magnitude"], outside.sum())
    error_deg = CATALOG_ERROR_MAS / 3.6e6
    columns = {
        "ra": np.append(stars["ra"] + rng.normal(0, error_deg / cos_dec, len(stars)), ra[outside]),
        "dec": np.append(stars["dec"] + rng.normal(0, error_deg, len(stars)), dec[outside]),
    }
    error_mas = np.full(len(columns["ra"]), CATALOG_ERROR_MAS)
    magnitudes = {f"mag_{band}": np.append(stars["magnitude"], magnitude) for band in "griz"}
    Table({**columns, **magnitudes, "ra_error": error_mas, "dec_error": error_mas}).write(path)
    return path


def calibrated(folder: Path, field: Field, seed: int) -> tuple[dict[str, Any], Table]:
    """Simulate and process a field; return products by role and the truth of the section."""
    camera = Registry().component("instrument", field.camera)()
    path = camera.write_simulated(folder, seed=seed, sections=(field.section,), **field.options)
    truth = Table.read(next(folder.glob("*.truth.fits")))
    catalog = written_catalog(folder / "stars.fits", truth, field.faintest_mag, field.margin_deg, seed)
    catalogs = [f"{process}.catalog" for process in ("astrocal", "photocal")]
    assignments = [f"{one}.use=file" for one in catalogs] + [f"{one}.file.path={catalog}" for one in catalogs]
    profile = load_profile(
        Registry(), process_schemas(), instrument=field.camera, assignments=assignments, environment={}
    )
    frames = calibration_frames(field.camera, field.section, seed, field.options.get("amplifiers"))
    return run(profile, path, field.section, frames), truth


@lru_cache(maxsize=2)
def calibration_frames(camera: str, section: str, seed: int, amplifiers: int | None) -> dict[str, Any]:
    """Combine three exposures each of bias and flat."""
    profile = load_profile(Registry(), process_schemas(), instrument=camera, environment={})
    options = {"seed": seed, "sections": (section,)} | ({"amplifiers": amplifiers} if amplifiers else {})
    frames: dict[str, Any] = {}
    for kind in ("bias", "flat"):
        with TemporaryDirectory() as folder:
            write = profile.instrument().write_simulated
            files = [write(Path(folder), **options, kind=kind, number=number) for number in range(3)]
            frames[kind] = combined(profile, kind, files, section, frames)
    return frames


def combined(
    profile: Profile, kind: str, files: list[Path], section: str, calibrations: dict[str, Any]
) -> Any:
    """Combine exposures of bias or flat."""
    detrenders = {one.name: one for one in profile.components("preprocessing")[""]}
    sections = []
    for path in files:
        data = profile.instrument().read((path,), section)
        for name, detrender in detrenders.items():
            if name in CORRECTED_BEFORE[kind] and calibrations.keys() >= set(detrender.calibrations()):
                data = detrender.apply(data, calibrations)
        sections.append(data)
    return combine_calibration(kind, sections, kind)


def run(profile: Profile, path: Path, section: str, calibrations: dict[str, Any]) -> dict[str, Any]:
    """Take a section through the chain in memory, as far as the zero point and with the gates of the profile."""
    instrument = profile.instrument()
    made: dict[str, Any] = {"section": instrument.read((path,), section), "quality": {}}
    for planned in exposure_plan(profile).through("photocal"):
        inputs = {role: made[role] for role in planned.step.inputs or ("section",)}
        context = StepContext(planned.components, instrument)
        for request in planned.step.requests(inputs, planned.params, context):
            if isinstance(request, CatalogRequest):
                stars = planned.components[request.slot][0].fetch(request.region)
                inputs[request.role] = at_epoch(stars, request.epoch_mjd)
            else:
                inputs[request.role] = calibrations if isinstance(request, CalibrationRequest) else None
        result = planned.step.run(inputs, planned.params, context)
        made |= result.outputs
        made["quality"] |= judged(
            planned.params, result.metrics, made["image"].info["filter"], planned.process
        )
    return made


def wcs_rms_mas(mapping: SkyMapping, truth: Table) -> float:
    """Scatter of the solution about the truth over the section."""
    x, y = mapping.sky_to_pixel(np.asarray(truth["ra"]), np.asarray(truth["dec"]))
    squared = (x - truth["x"]) ** 2 + (y - truth["y"]) ** 2
    return 1000.0 * mapping.pixel_scale_arcsec * float(np.sqrt(np.mean(squared)))


# Otherwise those whose calibration frames others need, too.
@pytest.mark.parametrize("name", FIELDS if WHOLE else ("ls4_two_amplifiers", "decam", "ls4_left"))
def test_section_locks_from_the_cameras_own_first_wcs(
    name: str, seed: int, tmp_path: Path, record_figure: Record
) -> None:
    field = FIELDS[name]
    made, truth = calibrated(tmp_path, field, seed)
    assert set(made["quality"].values()) == {"good"}
    ny, nx = made["image"].data.shape
    on = (truth["x"] > 0) & (truth["x"] < nx - 1) & (truth["y"] > 0) & (truth["y"] < ny - 1)
    rms_mas = wcs_rms_mas(made["mapping"], truth[on])
    record_figure(f"{name}_wcs_rms", rms_mas, "mas")
    assert rms_mas < field.rms_mas
    true_zero_point = float(np.median(truth["magnitude"] + 2.5 * np.log10(truth["flux"])))
    error_mag = made["photometry"].zero_point - true_zero_point
    record_figure(f"{name}_zero_point_error", 1000.0 * error_mag, "mmag")
    assert abs(error_mag) < ZERO_POINT_MAG


@pytest.mark.parametrize(
    ("name", "weather", "reason", "flag"),
    [
        ("decam", {"clouds_mag": 2.0}, "zero_point_per_s is .* from the usual 26.82: below -1.5", "clouds"),
        ("decam", {"seeing_arcsec": 3.6}, "seeing_arcsec is 3.* above 3", "bad_seeing"),
        ("ls4_left", {"clouds_mag": 3.3}, "limiting_magnitude is .* from the usual 20.9: below -2", "other"),
    ],
)
def test_bad_weather_is_rejected(
    name: str, weather: dict[str, float], reason: str, flag: str, tmp_path: Path
) -> None:
    field = replace(FIELDS[name], options=weather)
    with pytest.raises(Rejected, match=reason) as rejection:
        calibrated(tmp_path, field, 1)
    assert rejection.value.flags == (flag,)
