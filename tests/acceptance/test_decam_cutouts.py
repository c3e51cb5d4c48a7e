"""Nine real DECam exposures of one field, with the commands of the how-to: zero points, reference, difference."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from sqlalchemy import select

from seechange_core.frames import (
    Difference,
    Floats,
    Frame,
    MaskPlane,
    MeasurementTable,
    unusable,
)
from seechange_core.imaging.robust import scatter
from seechange_core.models import Exposure, Reference, Report
from seechange_core.pipeline import exposure_plan, process_schemas
from seechange_core.profile import check_layers, load_profile
from seechange_core.profile.layers import Layer
from seechange_core.registry import Registry
from seechange_core.runner.services import Services
from seechange_core.simulation.injection import inject_point_sources
from seechange_core.simulation.placement import choose_apart, uniform_trials
from seechange_core.steps.step import StepContext
from seechange_core.store import DataStore
from seechange_core.store.calibrated_images import CalibratedImageRow
from seechange_core.store.loading import StoredImage

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "decam-cutouts.md"
#: Where the how-to has the two versions of the data, and their folders in the test data.
FIELDS = {
    "legacypipe/py/test/testcase4": "testcase4",
    "legacypipe-145c822f/py/test/testcase4": "testcase4-history",
}
#: What is not noise in the difference (x, y, radius; pixel of the new image): a star that moves, a source that
#: fades, the core of a galaxy, a cosmic ray that no mask has.
MOVING, FADING, CORE, COSMIC_RAY = (83, 19, 25), (184, 27, 15), (122, 190, 12), (213, 29, 12)
N_INJECTED, INJECTED_SNR = 20, 15.0
#: Keeps a measured figure: name, value, unit.
Record = Callable[[str, float, str], None]

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Processed:
    """What the commands of the how-to left behind.

    Attributes
    ----------
    services : Services
        With the how-to's profile and store.
    fields : list of Path
        The folders of the data.
    """

    services: Services
    fields: list[Path]

    def calibrated(self, band: str) -> list[CalibratedImageRow]:
        """The calibrated exposures of a filter, in the order of time."""
        photocal = exposure_plan(self.services.profile)["photocal"].provenance.id
        return self.services.store.calibrated_images.find(photocal_provenance=photocal, filter=band)

    def load(self, row: CalibratedImageRow) -> dict[str, Any]:
        """Products by role."""
        load = self.services.store.products.load
        return {role: load(identity, role) for role, identity in row.product_ids.items()}

    @cached_property
    def new(self) -> dict[str, Any]:
        """The z exposure of 2018-02-12."""
        return self.load(self.calibrated("z")[-1])

    @cached_property
    def reference(self) -> StoredImage:
        """The only reference."""
        with self.services.store.database.read() as session:
            identity = session.scalars(select(Reference.identity)).one()
        return self.services.store.references.load(identity)

    @cached_property
    def data_store(self) -> DataStore:
        """The section of 2018-02-12 in the database."""
        with self.services.store.database.read() as session:
            wanted = select(Exposure.id).where(Exposure.filter == "z").order_by(Exposure.mjd.desc()).limit(1)
            exposure_id = session.scalars(wanted).one()
        return DataStore(self.services.store, exposure_id=exposure_id, section_id="N3")

    @cached_property
    def difference(self) -> Difference:
        """As it was saved."""
        found = self.data_store.get_subtraction()
        assert found is not None
        product: Difference = found.product
        return product

    @cached_property
    def measurements(self) -> MeasurementTable:
        """As they were saved."""
        found = self.data_store.get_measurement_table()
        assert found is not None
        return found

    def measured(self, image: Frame, subtractor: str) -> MeasurementTable:
        """What the steps measure, in memory, where the new exposure has another image."""
        layers = (*self.services.profile.layers, Layer("test", {"subtraction": {"use": subtractor}}))
        plan = exposure_plan(check_layers(self.services.registry, process_schemas(), layers))
        products = {**self.new, "image": image, "reference": self.reference}
        for process in ("subtraction", "detection", "cutting", "measuring"):
            planned = plan[process]
            context = StepContext(planned.components, self.services.instrument)
            products |= planned.step.run(products, planned.params, context).outputs
        measurements: MeasurementTable = products["measurements"]
        return measurements


@pytest.fixture(scope="module")
def processed(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Processed:
    """Run what the how-to says, but for the downloads."""
    folder = tmp_path_factory.mktemp("cutouts")
    for place, name in FIELDS.items():
        (folder / place).parent.mkdir(parents=True)
        (folder / place).symlink_to(test_data / "decam_cutouts" / name)
    blocks = re.findall(r"```bash\n(.*?)```", HOW_TO.read_text("utf-8"), re.DOTALL)
    script = "".join(block for block in blocks if "git " not in block)
    assert script.count("seechange process") == 3
    assert "seechange reference build" in script
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SEECHANGE_")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    answer = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "warning: c4d_170419_042827_ooi_z_ls9.S1.fits: its mask (_ood_) is missing" in answer.stdout
    catalogs = [
        f"{process}.catalog.file.path={folder}/{next(iter(FIELDS))}/gaia"
        for process in ("astrocal", "photocal")
    ]
    profile = load_profile(
        Registry(),
        process_schemas(),
        file=folder / "cutouts.yaml",
        assignments=[*catalogs, f"storage.root={folder / 'seechange-data'}"],
        environment={},
    )
    return Processed(Services.of(profile), [folder / place for place in FIELDS])


def outside_circles(shape: tuple[int, int]) -> np.ndarray:
    y, x = np.indices(shape)
    circles = (MOVING, FADING, CORE, COSMIC_RAY)
    return np.all([np.hypot(x - x0, y - y0) > radius for x0, y0, radius in circles], axis=0)


def candidate(measurements: MeasurementTable, circle: tuple[int, int, int]) -> int:
    """The row of the only measurement within 4 pixels of a circle's centre."""
    near = np.hypot(measurements["x"] - circle[0], measurements["y"] - circle[1]) < 4
    (row,) = np.flatnonzero(near)
    return int(row)


def expected_zero_points(fields: list[Path]) -> dict[tuple[str, int], float]:
    """By CCD and middle of the exposure (MJD, in units of 0.0001), for the electrons of the exposure."""
    expected = {}
    for field in fields:
        for table in field.glob("survey-ccds*.fits.gz"):
            for row in Table.read(table):
                path, ccd = field / "images" / str(row["image_filename"]).strip(), str(row["ccdname"]).strip()
                if not path.exists():
                    continue
                with fits.open(path) as hdus:
                    gain = (hdus[ccd].header["GAINA"] + hdus[ccd].header["GAINB"]) / 2
                middle = row["mjd_obs"] + row["exptime"] / 2 / 86400
                zero_point = row["ccdzpt"] + 2.5 * np.log10(row["exptime"] * gain)
                expected[ccd, round(middle * 1e4)] = float(zero_point)
    return expected


def test_zero_points(processed: Processed, record_figure: Record) -> None:
    expected = expected_zero_points(processed.fields)
    rows = {band: processed.calibrated(band) for band in "grz"}
    assert {band: len(found) for band, found in rows.items()} == {"g": 2, "r": 3, "z": 4}
    for band, found in rows.items():
        for row in found:
            error = row.metrics["zero_point"] - expected[row.section, round(row.mjd * 1e4)]
            record_figure(f"zero_point_error_{band}_{row.mjd:.0f}", error, "mag")
            assert abs(error) < 0.1
            assert 2 <= row.metrics["n_stars"] <= 3


def test_wcs_and_psf_are_those_of_the_files(processed: Processed) -> None:
    for band in "grz":
        for row in processed.calibrated(band):
            products = processed.load(row)
            image, mapping = products["image"], products["mapping"]
            first = processed.services.instrument.first_mapping(image.header, image.info)
            x, y = np.array([0.0, 200.0]), np.array([0.0, 240.0])
            assert np.allclose(mapping.pixel_to_sky(x, y), first.pixel_to_sky(x, y), rtol=0, atol=1e-9)
            assert products["psf"].n_stars == 0
            assert row.metrics["checked"]
            # A quarter of a pixel.
            assert row.metrics["offset_arcsec"] < 0.07


def test_the_missing_mask_is_in_the_report(processed: Processed) -> None:
    with processed.services.store.database.read() as session:
        reports = session.execute(
            select(Exposure.mjd, Report.warnings).join(Report, Report.exposure_id == Exposure.id)
        )
        warned = {round(mjd): warnings for mjd, warnings in reports if warnings}
    assert list(warned) == [57862]
    assert "mask (_ood_) is missing" in warned[57862][0]


def test_reference(processed: Processed, record_figure: Record) -> None:
    """Of three exposures, one of which reaches only over a part; its noise is what its variance says."""
    reference = processed.reference
    assert reference.image.info["n_members"] == 3
    assert reference.image.info["total_exposure_s"] == pytest.approx(430)
    members = [row.metrics["zero_point"] for row in processed.calibrated("z")[:3]]
    assert reference.photometry.zero_point == pytest.approx(np.median(members), abs=0.02)
    assert reference.psf.fwhm == pytest.approx(4.1, abs=0.3)
    good = ~unusable(reference.image.mask)
    assert 0.9 < good.mean() < 1
    assert np.all((reference.image.mask[~good] & MaskPlane.NO_DATA) != 0)
    sources = reference.sources
    y, x = np.indices(good.shape)
    for x0, y0 in zip(sources["x"], sources["y"], strict=True):
        good &= np.hypot(x - x0, y - y0) > 12
    pixel = reference.image.data[good] / np.sqrt(reference.image.variance[good])
    record_figure("reference_noise_over_model", scatter(pixel) / reference.image.noise_ratio, "1")
    # Faint galaxies that are not found add a little.
    assert scatter(pixel) / reference.image.noise_ratio == pytest.approx(1.0, abs=0.07)
    assert abs(np.median(pixel)) < 0.1


def test_score_is_noise_outside_of_what_changed(processed: Processed, record_figure: Record) -> None:
    score = processed.difference.score
    assert score is not None
    sky = outside_circles(score.shape) & np.isfinite(score)
    assert sky.mean() > 0.8
    record_figure("score_scatter", scatter(score[sky]), "sigma")
    assert scatter(score[sky]) == pytest.approx(1.0, abs=0.1)
    x, y = (np.rint(processed.measurements[axis]).astype(int) for axis in "xy")
    outside = int(np.count_nonzero(outside_circles(score.shape)[y, x]))
    record_figure("detections_outside", outside, "1")
    assert outside <= 1


def test_the_fading_source_is_found(processed: Processed, record_figure: Record) -> None:
    measurements = processed.measurements
    row = candidate(measurements, FADING)
    assert measurements["score"][row] < -5
    assert measurements["psf_like"][row]
    assert measurements.meta["calibrated"]
    before = measurements["reference_flux"][row]
    fade = -2.5 * np.log10((before + measurements["flux"][row]) / before)
    record_figure("fade", fade, "mag")
    assert 0.12 < fade < 0.18


def test_the_cosmic_ray_is_found_and_masked(processed: Processed) -> None:
    """The product's own mask has nothing there; no candidate comes of it."""
    x, y, radius = COSMIC_RAY
    mask = processed.difference.mask
    row, column = np.mgrid[: mask.shape[0], : mask.shape[1]]
    inside = np.hypot(column - x, row - y) <= radius
    struck = inside & ((mask & MaskPlane.COSMIC_RAY) > 0)
    assert struck[y - 2 : y + 3, x - 2 : x + 3].any()
    # A hit, not the whole neighbourhood.
    assert struck.sum() < 60
    near = np.hypot(processed.measurements["x"] - x, processed.measurements["y"] - y) < radius
    assert not np.any(near & processed.measurements["psf_like"])


def injected_positions(difference: Difference, rng: np.random.Generator) -> Floats:
    """Positions (n, 2) outside of the circles, apart from each other, from edges and from what is masked."""
    trials = uniform_trials(rng, difference.data.shape, 4000, 15.0)
    assert difference.score is not None
    y, x = np.nonzero(~np.isfinite(difference.score))
    hidden = np.stack([x, y], axis=1).astype(float), 8.0
    circles = [
        (np.array([[x0, y0]], float), radius + 5.0) for x0, y0, radius in (MOVING, FADING, CORE, COSMIC_RAY)
    ]
    return choose_apart(trials, N_INJECTED, 20.0, np.empty((0, 2)), [hidden, *circles])


@pytest.mark.parametrize("subtractor", ["zogy", "alardlupton"])
def test_injected_sources(processed: Processed, record_figure: Record, subtractor: str) -> None:
    """Sources of known flux are found, and measured without bias and with the right errors."""
    pulls = np.concatenate([pulls_of_injected(processed, subtractor, seed) for seed in range(4)])
    mean, rms = pulls.mean(), np.sqrt(np.mean(pulls**2))
    record_figure(f"mean_pull_{subtractor}", mean, "sigma")
    record_figure(f"rms_pull_{subtractor}", rms, "sigma")
    # The mean of 20 is good to 0.22, the rms to 0.16; that of four times 20 little better, for the noise is the same.
    assert abs(mean) < 0.7
    assert 0.6 < rms < 1.4


def pulls_of_injected(processed: Processed, subtractor: str, seed: int) -> Floats:
    """Error of the flux over its error for each of 20 sources, all of which must be found."""
    rng = np.random.default_rng(seed)
    new, difference = processed.new, processed.difference
    x, y = injected_positions(difference, rng).T
    assert len(x) == N_INJECTED
    assert difference.flux_error is not None
    sky_error = difference.flux_error[np.rint(y).astype(int), np.rint(x).astype(int)]
    flux = INJECTED_SNR * sky_error.astype(float)
    image = inject_point_sources(new["image"], new["psf"], x, y, flux, rng)
    made = processed.measured(image, subtractor)
    distance = np.hypot(made["x"][:, None] - x, made["y"][:, None] - y)
    found = np.argmin(distance, axis=0)
    assert np.all(distance[found, np.arange(N_INJECTED)] < 1.5)
    assert np.all(made["mask"][found] & MaskPlane.INJECTED)
    assert np.mean(made["psf_like"][found]) > 0.9
    pulls: Floats = (made["flux"][found] - flux * new["photometry"].njy_per_electron) / made["flux_error"][
        found
    ]
    return pulls
