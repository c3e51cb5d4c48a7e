"""Exposures without catalogue, relative to the first of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from seechange_core.cli import cli
from seechange_core.models import Measurements, WorldCoordinates, ZeroPoint
from seechange_core.pipeline import coadd_plan, referencing_provenance
from seechange_core.runner.references import build_reference


@pytest.fixture
def relative(calibrated: Any) -> tuple[str, ...]:
    frame = calibrated.files.reference[0].name
    return tuple(
        assignment
        for process in ("astrocal", "photocal")
        for assignment in (f"{process}.use=relative", f"{process}.relative.frame={frame}")
    )


def test_chain_relative_to_one_exposure(
    copied: Callable[[Any], Any], calibrated: Any, relative: tuple[str, ...]
) -> None:
    survey = copied(calibrated)
    first, second, *_ = survey.files.reference
    frame = first.name
    (waiting,) = survey.process([second], *relative, through="photocal")
    assert (waiting.state, waiting.step) == ("waiting", "astrocal")
    assert f"all is relative to {frame}" in waiting.reason
    reports = [survey.process([path], *relative, through="photocal")[0] for path in (first, second)]
    assert [report.state for report in reports] == ["done", "done"]
    assert {row.relative_to for row in survey.rows(WorldCoordinates)} == {frame}
    zero_points = survey.rows(ZeroPoint)
    assert {(row.relative_to, row.calibrated, row.limiting_magnitude) for row in zero_points} == {
        (frame, False, None)
    }
    assert any(row.zero_point == pytest.approx(25.0, abs=1e-9) for row in zero_points)

    services = survey.services(*relative)
    services.store.provenances.register(
        [*coadd_plan(services.profile).provenances(), referencing_provenance(services.profile)]
    )
    images = services.store.calibrated_images.find(
        photocal_provenance=coadd_plan(services.profile)["coaddition"].provenance.upstream[
            "member_photometry"
        ],
        filter="r",
    )
    middle = np.mean(np.array(images[0].corners), axis=0)
    build_reference(services, filter="r", position=(middle[0], middle[1]), reference_set="default")
    services.store.database.close()
    (done,) = survey.process([survey.files.new[0]], *relative)
    assert done.state == "done"
    measured = survey.rows(Measurements)
    assert len(measured) > 10
    assert {(row.flux_unit, row.sky_frame, row.calibrated, row.magnitude) for row in measured} == {
        ("relative", "relative", False, None)
    }
    shown = CliRunner().invoke(cli, ["show", "detections", *survey.options[2:]])
    assert shown.exit_code == 0, shown.output
    assert "relative" in shown.output
    assert "nJy" not in shown.output
