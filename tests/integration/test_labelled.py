"""Candidates that somebody has labelled, by measurement and by object."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from sqlalchemy import select

from seechange_core.errors import StoreError
from seechange_core.models import Measurements
from seechange_core.store.associations import AssociationRules
from seechange_core.store.labelled import labelled_candidates


def ids_by_row(chain: Any) -> list[UUID]:
    with chain.store.database.read() as session:
        return list(session.scalars(select(Measurements.id).order_by(Measurements.row)))


def test_labels_of_measurements_find_their_stamps_and_columns(full_chain: Any) -> None:
    first, _, last = ids_by_row(full_chain)
    stamps, measurements, real, places = labelled_candidates(
        full_chain.store, {str(last): True, str(first): False}
    )
    rows = [0, 2] if not real[0] else [2, 0]
    assert sorted(real.tolist()) == [False, True]
    assert sorted(places.tolist()) == [0, 1]
    saved = full_chain.values["measurements"]
    np.testing.assert_allclose(measurements["flux"], saved["flux"][rows])
    np.testing.assert_array_equal(measurements["stamp"], saved["stamp"][rows])
    kept = full_chain.store.products.load(full_chain.identities["stamps"], "stamps")
    np.testing.assert_array_equal(stamps.new, kept.new[saved["stamp"][rows]])


def test_an_object_labels_all_its_measurements_unless_they_have_labels(
    full_chain: Any, rules: AssociationRules
) -> None:
    full_chain.store.associations.associate(full_chain.identities["measurements"], rules)
    full_chain.store.objects.merge("SC2023b", ["SC2023a", "SC2023c"])
    second = ids_by_row(full_chain)[1]
    _, measurements, real, places = labelled_candidates(
        full_chain.store, {"SC2023a": True, str(second): False}
    )
    assert measurements.n_rows == 3
    assert len(set(places.tolist())) == 1
    flux = full_chain.values["measurements"]["flux"]
    assert measurements["flux"][~real] == pytest.approx([flux[1]])


def test_what_is_not_there_is_named(full_chain: Any) -> None:
    unknown = str(uuid4())
    with pytest.raises(StoreError, match=f"no measurement {unknown}"):
        labelled_candidates(full_chain.store, {unknown: True})
    with pytest.raises(StoreError, match="no object is called 'SC1999z'"):
        labelled_candidates(full_chain.store, {"SC1999z": True})
