"""Calibration frames know the exposures that they were made from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seechange_core.models import Badness, CalibratorFile, Exposure, Image, Product, row_id
from seechange_core.runner.calibration_frames import build_calibrations
from seechange_core.store.deletion import delete_everything
from seechange_core.store.marking import set_badness


def test_what_is_wrong_with_a_raw_flat_reaches_what_was_calibrated_with_it(
    copied: Callable[[Any], Any], calibrated: Any
) -> None:
    survey = copied(calibrated)
    survey.process(survey.files.new[:1], through="preprocessing")
    flat = survey.rows(Exposure, Exposure.kind == "flat")[0]
    store = survey.services().store
    with store.database.write() as session:
        set_badness(session, flat.id, Badness.ELECTRONICS)
    told = {
        (row.process, row.place, row.upstream_badness)
        for row in survey.rows(Product)
        if row.process != "bias"
    }
    flag = int(Badness.ELECTRONICS)
    assert told == {("flat", "C1", flag), ("flat", "C2", flag), ("preprocessing", "C1", flag)}
    assert {row.upstream_badness for row in survey.rows(Product, Product.process == "bias")} == {0}

    delete_everything(store.database, store.files, [flat.id])
    store.database.close()
    assert {row.kind for row in survey.rows(CalibratorFile)} == {"bias"}
    assert survey.rows(Image) == []
    assert survey.problems() == []


def test_order_and_repetition_of_exposures_do_not_matter(
    copied: Callable[[Any], Any], calibrated: Any
) -> None:
    survey = copied(calibrated)
    services = survey.services()
    paths = [(path,) for path in survey.files.bias[:3]]
    built = build_calibrations(services, "bias", [*reversed(paths), paths[0]])
    services.store.database.close()
    known = {row.id for row in survey.rows(CalibratorFile, CalibratorFile.kind == "bias")}
    assert {row_id(frame.identity) for frame in built} == known
    assert {frame.n_exposures for frame in built} == {3}
