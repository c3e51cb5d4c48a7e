"""What is kept from training: a quarter, and of each object all or none."""

from __future__ import annotations

import numpy as np
import pytest

from seechange_core.errors import InputError
from seechange_rbscore.held_out import held_out_places


def test_no_object_is_on_both_sides() -> None:
    rng = np.random.default_rng(1)
    places = rng.integers(0, 60, 800)
    # Of some objects single epochs are bogus.
    real = (places % 2 == 0) & (rng.random(800) < 0.9)
    held = held_out_places(real, places, 1)
    assert not set(places[held]) & set(places[~held])
    for kind in (real, ~real):
        assert held[kind].mean() == pytest.approx(0.25, abs=0.05)
    np.testing.assert_array_equal(held_out_places(real, places, 1), held)


def test_an_object_with_most_of_the_epochs_is_trained_on() -> None:
    places = np.concatenate([np.zeros(100, int), np.arange(1, 21), np.arange(21, 61)])
    real = np.arange(160) < 120
    held = held_out_places(real, places, 1)
    assert not held[:100].any()
    assert (held[100:120].sum(), held[120:].sum()) == (20, 10)


def test_too_few_objects_are_refused() -> None:
    real = np.arange(100) < 50
    with pytest.raises(InputError, match="the bogus candidates are of 1 objects only"):
        held_out_places(real, np.where(real, np.arange(100), -1), 1)
