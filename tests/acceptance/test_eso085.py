"""Two frames of one field, 74 s apart, of a telescope that no plugin knows: what is left of them is noise.

The frames are those that ProperImage (https://github.com/quatrope/ProperImage) has in its folder ``data``: 60 s each
without filter, registered to a third one, without WCS, gain or noise; all of that is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seechange_core.api.fits_files import read_pixels
from seechange_core.frames import Difference, MaskPlane, MeasurementTable
from seechange_core.imaging.robust import scatter
from seechange_core.pipeline import exposure_plan, process_schemas
from seechange_core.profile import load_profile
from seechange_core.registry import Registry
from seechange_core.runner.plain_subtraction import measure_plain_pair, subtract_plain_pair
from seechange_core.steps.plain_images import PlainImage
from seechange_core.steps.step import StepContext

Record = Callable[[str, float, str], None]
FRAMES = ("aligned_eso085-030-004.fit", "aligned_eso085-030-005.fit")
SATURATION_ADU = 60000.0


def plain_image(path: Path) -> PlainImage:
    data = read_pixels(path, 0)
    mask = np.where(data >= SATURATION_ADU, int(MaskPlane.SATURATED), 0).astype(np.uint16)
    return PlainImage(path.name, data, mask)


def subtracted(new: Path, reference: Path, subtractor: str) -> tuple[Difference, MeasurementTable]:
    """Subtract a pair of files, and measure the candidates as the chain does."""
    profile = load_profile(
        Registry(),
        process_schemas(),
        instrument="fits",
        assignments=[f"subtraction.use={subtractor}"],
        environment={},
    )
    measured = measure_plain_pair(plain_image(new), plain_image(reference), profile)
    made = subtract_plain_pair(measured, profile)
    products = {
        **vars(measured.new),
        "difference": made.difference,
        "aligned_reference": made.aligned_reference,
    }
    plan = exposure_plan(profile)
    for process in ("detection", "cutting", "measuring"):
        planned = plan[process]
        context = StepContext(planned.components, None)
        products |= planned.step.run(products, planned.params, context).outputs
    return made.difference, products["measurements"]


@pytest.mark.slow
@pytest.mark.parametrize("subtractor", ["zogy", "alardlupton"])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["first new", "second new"])
def test_nothing_changed(
    test_data: Path, record_figure: Record, subtractor: str, order: tuple[int, int]
) -> None:
    new, reference = (test_data / "eso085" / FRAMES[number] for number in order)
    difference, candidates = subtracted(new, reference, subtractor)
    assert difference.score is not None
    found = np.isfinite(difference.score)
    assert found.mean() > 0.97
    record_figure(f"score_scatter_{subtractor}_{order[0]}", scatter(difference.score[found]), "sigma")
    assert scatter(difference.score[found]) == pytest.approx(1.0, abs=0.03)
    # Cosmic rays, which nothing masked here, and at most the cores of three stars.
    record_figure(f"candidates_{subtractor}_{order[0]}", candidates.n_rows, "1")
    assert candidates.n_rows <= 20
    assert not np.any(candidates["psf_like"])
