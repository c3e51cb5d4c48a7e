"""Crosstalk and linearity from `seechange calibration use` to the header and the row of an image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner
from sqlalchemy import select

from seechange_core.builtin.simulated_survey import write_single_exposure
from seechange_core.cli import cli
from seechange_core.models import Image, Product
from seechange_core.pipeline import exposure_plan, process_schemas
from seechange_core.profile import load_profile
from seechange_core.registry import Registry
from seechange_core.runner.process import process_sections, register
from seechange_core.runner.section_report import DONE
from seechange_core.runner.services import Services
from seechange_core.store.products import ProductStore

CORRECTED = "preprocessing.use=[crosstalk,overscan,linearity,saturation,gain,edges,noise]"
PLAIN = "preprocessing.use=[overscan,saturation,gain,edges,noise]"


def services_of(root: Path, *assignments: str) -> Services:
    all_of_them = [f"storage.root={root}", *assignments]
    profile = load_profile(
        Registry(), process_schemas(), instrument="simcam", assignments=all_of_them, environment={}
    )
    return Services.of(profile)


def preprocessed(services: Services, exposure: Path) -> dict[str, Any]:
    """Run preprocessing on both sections; return the images by section."""
    plan = exposure_plan(services.profile).through("preprocessing")
    tasks, _ = register(services, (exposure,), ())
    images = {}
    for report in process_sections(services, plan, tasks):
        assert report.state == DONE, report.reason
        images[report.section] = report.steps[0].product_id
    return images


def test_faults_are_taken_out_with_registered_files_and_the_image_says_which(tmp_path: Path) -> None:
    faulty = write_single_exposure(tmp_path / "faulty", 1, faults=True)
    clean = write_single_exposure(tmp_path / "clean", 1)
    root = tmp_path / "store"
    for kind, file in (("crosstalk", "crosstalk.txt"), ("linearity", "linearity.csv")):
        arguments = ["calibration", "use", kind, str(faulty.with_name(file)), "--instrument", "simcam"]
        result = CliRunner().invoke(cli, [*arguments, f"--set=storage.root={root}", f"--set={CORRECTED}"])
        assert result.exit_code == 0, result.output
    services = services_of(root, CORRECTED)
    corrected = preprocessed(services, faulty)
    plain = preprocessed(services_of(root, PLAIN), clean)
    untreated = preprocessed(services_of(root, PLAIN), faulty)
    products: ProductStore = services.store.products
    for section in ("C1", "C2"):
        image, truth, raw = (
            products.load(found[section], "image") for found in (corrected, plain, untreated)
        )
        usable = (image.mask == 0) & (truth.mask == 0)
        bright = usable & (truth.data > 20000.0)
        assert bright.sum() > 20
        left, before = ((one.data / truth.data)[bright] - 1.0 for one in (image, raw))
        # Rounding differs, and so does the noise that the bent response scales.
        assert np.abs(before.mean()) > 5e-3
        assert np.abs(left.mean()) < 1e-3
        kinds = [name for name, _ in image.info["applied"]]
        assert kinds == ["crosstalk", "overscan", "linearity", "saturation", "gain", "edges", "noise"]
        identities = dict(image.info["applied"])
        with services.store.database.read() as session:
            product = session.scalars(select(Product).where(Product.identity == corrected[section])).one()
            row = session.get(Image, product.id)
        assert row is not None
        assert row.info["applied"] == [list(one) for one in image.info["applied"]]
        assert product.metrics["calibrations"] == {
            "crosstalk": identities["crosstalk"],
            "linearity": identities["linearity"],
        }
        assert product.inputs["calibration.crosstalk"] == identities["crosstalk"]
        assert image.header["APPLY01"] == f"crosstalk {identities['crosstalk']}"
