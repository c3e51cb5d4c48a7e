"""Which candidates show the same place of the sky."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from seechange_core.frames import Floats
from seechange_core.imaging.candidates.nearest import unit_vectors


def same_places(ra: Floats, dec: Floats, known: NDArray[np.int64], radius_arcsec: float) -> NDArray[np.int64]:
    """Return the number of each candidate's place; near candidates and those that belong together have the same one.

    Parameters
    ----------
    ra, dec : array of shape (n,)
        Positions (deg); NaN where they are not known.
    known : array of shape (n,)
        Candidates with the same number belong together wherever they are.
    radius_arcsec : float
        Candidates that are not farther from each other belong together, and so do those of a chain of such.

    Returns
    -------
    array of shape (n,)
        0, 1 ...
    """
    there = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    tree = cKDTree(unit_vectors(ra[there], dec[there]))
    pairs = there[tree.query_pairs(np.radians(radius_arcsec / 3600.0), output_type="ndarray")]
    # All of a kind are linked to the first of them.
    _, first, number = np.unique(known, return_index=True, return_inverse=True)
    one = np.concatenate([pairs[:, 0], np.arange(len(known))])
    other = np.concatenate([pairs[:, 1], first[number]])
    links = coo_array((np.ones(len(one), bool), (one, other)), shape=(len(known),) * 2)
    return np.asarray(connected_components(links, directed=False)[1], np.int64)
