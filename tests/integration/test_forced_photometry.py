"""Forced photometry in the database: measured once, anew where the object has moved, read in one statement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import func, select, update

from seechange_core.errors import InputError, StoreError
from seechange_core.frames import PsfModel
from seechange_core.models import ForcedPhotometry, Image, Object, Product, ZeroPoint
from seechange_core.registry import Registry
from seechange_core.runner.forced_photometry import force
from seechange_core.runner.light_curve import light_curve
from seechange_core.store.associations import AssociationRules
from seechange_core.store.deletion import delete_everything
from seechange_core.store.detection_limits import INJECTED, NEW_NOISE, DetectionLimit, detection_limits


def with_source(chain: Any, flux_electron: float) -> None:
    """Put a point source at the place of the first candidate of a hand-made chain."""
    profile = np.exp(-(((np.indices((21, 21)) - 10) ** 2).sum(axis=0)) / 4.0)
    psf = PsfModel((profile / profile.sum())[None].astype(np.float32), fwhm=3.3)
    difference, measured = chain.values["difference"], chain.values["measurements"]
    x, y = float(measured["x"][0]), float(measured["y"][0])
    row, column = int(np.floor(y + 0.5)), int(np.floor(x + 0.5))
    data = np.pad(0.0 * difference.data, 10)
    data[row : row + 21, column : column + 21] += flux_electron * psf.stamp(x, y, 21)
    chain.values["difference"] = replace(difference, data=data[10:-10, 10:-10].astype(np.float32), psf=psf)


@pytest.fixture
def curve(full_chain: Any, new_chain: Callable[..., Any], rules: AssociationRules) -> Any:
    """Two nights of one field; the object was detected in the second one only."""
    store = full_chain.store
    flux = {"before": 0.0, "discovery": 5000.0}
    for number, (name, electrons) in enumerate(flux.items()):
        chain = new_chain(name, mjd=60010.25 + number)
        chain.identities["reference"] = full_chain.identities["reference"]
        with_source(chain, electrons)
        chain.save_through("measuring")
        store.provenances.set_tag(
            "current", "simcam", [record.provenance for record in chain.records.values()]
        )
    store.associations.associate(chain.identities["measurements"], rules)
    place = chain.values["measurements"]
    with store.database.read() as session:
        found = list(session.scalars(select(Object)))
    target = min(found, key=lambda one: abs(one.dec - place["dec"][0]))
    return store, target, chain


def rows_of(store: Any) -> int:
    with store.database.read() as session:
        return int(session.scalars(select(func.count()).select_from(ForcedPhotometry)).one())


def test_flux_is_measured_on_every_difference_once(curve: Any) -> None:
    store, target, chain = curve
    # That of the full chain, and two of this one.
    assert force(store, target, "current") == 3
    assert force(store, target, "current") == 0
    table = light_curve(store, Registry(), target, forced=True)
    njy = chain.values["photometry"].njy_per_electron
    assert table["mjd"].tolist() == [60000.25, 60010.25, 60011.25]
    assert table["flux"][2] / njy == pytest.approx(5000.0, rel=0.01)
    assert table["flux"][1] == pytest.approx(0.0, abs=table["flux_error"][1])
    assert np.isnan(table["magnitude"][1])
    assert np.isfinite(table["limiting_magnitude"]).all()
    assert table.meta["flux_unit"] == "nJy"
    detected = light_curve(store, Registry(), target)
    assert detected["mjd"].tolist() == [60011.25]


def test_limits_are_those_of_injected_sources_where_there_are_any(curve: Any, with_completeness: Any) -> None:
    store, target, _ = curve
    force(store, target, "current")
    noise = light_curve(store, Registry(), target, forced=True)
    assert noise["limit_kind"].tolist() == ["noise"] * 3
    with_completeness(UUID(noise["image_id"][1]), 21.5, 22.0)
    table = light_curve(store, Registry(), target, forced=True)
    assert table["limit_kind"].tolist() == ["noise", "injected", "noise"]
    moved = table["limiting_magnitude"] - noise["limiting_magnitude"]
    assert moved == pytest.approx([0.0, -0.5, 0.0], abs=1e-4)


def test_limit_says_where_it_is_that_of_the_new_image(curve: Any, with_completeness: Any) -> None:
    store, target, _ = curve
    image_id = UUID(light_curve(store, Registry(), target)["image_id"][0])
    with store.database.read() as session:
        (limit,) = detection_limits(session, [image_id]).values()
        own = session.scalars(
            select(ZeroPoint.limiting_magnitude).where(ZeroPoint.image_id == image_id)
        ).one()
    assert (limit.kind, limit.magnitude, limit.noise_magnitude) == (NEW_NOISE, own, None)
    with_completeness(image_id, 21.5, 22.0)
    with store.database.read() as session:
        (limit,) = detection_limits(session, [image_id]).values()
    assert limit == DetectionLimit(21.5, INJECTED, 0.1, 22.0)


def test_flux_is_measured_anew_where_the_object_has_moved(curve: Any) -> None:
    store, target, _ = curve
    force(store, target, "current")
    # 0.03 FWHM are 0.075 arcsec on the first difference and 0.099 on the others.
    target.dec += 0.07 / 3600
    assert force(store, target, "current") == 0
    target.dec += 0.02 / 3600
    assert light_curve(store, Registry(), target, forced=True)["displaced"].tolist() == [1, 0, 0]
    assert force(store, target, "current") == 1
    target.dec += 0.02 / 3600
    assert force(store, target, "current") == 2
    assert light_curve(store, Registry(), target, forced=True)["displaced"].tolist() == [0, 0, 0]
    assert rows_of(store) == 3


def test_bad_images_say_so_and_deleted_ones_are_gone(curve: Any) -> None:
    store, target, chain = curve
    force(store, target, "current")
    with store.database.write() as session:
        last = session.scalars(select(Image.id).where(Image.is_difference).order_by(Image.mjd.desc())).first()
        session.execute(update(Product).where(Product.id == last).values(badness=2))
    assert light_curve(store, Registry(), target, forced=True)["badness"].tolist() == [0, 0, 2]
    # The object was detected on this exposure only, and goes with it.
    delete_everything(store.database, store.files, [chain.observation.exposure_id])
    assert rows_of(store) == 0


def test_other_frames_are_left_out(curve: Any) -> None:
    store, target, _ = curve
    target.relative_to = "frame.fits"
    assert force(store, target, "current") == 0
    with pytest.raises(StoreError, match="nothing was subtracted under the tag 'none'"):
        force(store, target, "none")


@pytest.mark.parametrize("event", [(-np.inf, np.inf), (60000.0, np.nan), (60010.0, 60000.0)])
def test_event_without_an_outside_is_refused(curve: Any, event: tuple[float, float]) -> None:
    store, target, _ = curve
    with pytest.raises(InputError, match="give two finite MJD"):
        light_curve(store, Registry(), target, event=event)
