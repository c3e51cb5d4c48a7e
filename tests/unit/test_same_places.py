"""Which candidates show the same place."""

from __future__ import annotations

import numpy as np

from seechange_core.imaging.candidates.same_places import same_places


def test_near_candidates_and_those_of_one_object_share_a_place() -> None:
    offset_arcsec = np.array([0.0, 1.9, 3.8, 60.0, 120.0, 122.1])
    ra = (359.9999 + offset_arcsec / 3600.0 / np.cos(np.radians(60.0))) % 360.0
    dec = np.full(6, 60.0)
    alone = np.arange(6)
    # A chain of near ones is one place; 2.1 arcsec are two, also across RA 0.
    assert same_places(ra, dec, alone, 2.0).tolist() == [0, 0, 0, 1, 2, 3]
    ra[5] = np.nan
    assert same_places(ra, dec, np.array([5, 1, 2, 5, 4, 3]), 2.0).tolist() == [0, 0, 0, 0, 1, 2]
