"""Real alerts of other surveys: weakly labelled triplets of ZTF, and triplets of DECam that were accepted."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames import Floats, Stamps

#: Scores of ZTF's own network (braai, d6_m9) that count as real and as bogus.
REAL_ABOVE, BOGUS_BELOW = 0.9, 0.1


@dataclass(frozen=True)
class ZtfTriplets:
    """ZTF's triplets, all of one sign convention: new minus reference.

    Parameters
    ----------
    stamps : Stamps
        63 x 63 pixels, each normalised by its length; nothing is masked.
    machine_score : array of shape (n,)
        Of ZTF's network.
    trained : bool array of shape (n,)
        Whether a triplet may be trained on: those at even whole degrees of right ascension, so that no object is in
        both parts.
    """

    stamps: Stamps
    machine_score: Floats
    trained: NDArray[np.bool_]

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Which ones have a label."""
        return (self.machine_score > REAL_ABOVE) | (self.machine_score < BOGUS_BELOW)


def ztf_triplets(data: Path) -> ZtfTriplets:
    """Read ``alerts/ztf_triplets`` of a folder of test data."""
    triplets = np.load(data / "alerts" / "ztf_triplets.npz")["triplets"].astype(np.float32)
    with (data / "alerts" / "ztf_triplets.csv").open() as file:
        rows = list(csv.DictReader(file))
    new, ref, difference = np.moveaxis(triplets, 3, 0)
    # ZTF gives differences turned so that the source is bright.
    faded = np.array([row["isdiffpos"] == "f" for row in rows])
    difference = np.where(faded[:, None, None], -difference, difference)
    trained = np.array([int(float(row["ra"])) % 2 == 0 for row in rows])
    return ZtfTriplets(
        unmasked_stamps(new, ref, difference), np.array([float(row["braai_d6_m9"]) for row in rows]), trained
    )


def decam_triplets(data: Path) -> Stamps:
    """Read ``alerts/decat_triplets`` of a folder of test data: 51 x 51 pixels."""
    triplets = np.load(data / "alerts" / "decat_triplets.npz")["triplets"]
    return unmasked_stamps(*np.moveaxis(triplets, 1, 0))


def unmasked_stamps(new: np.ndarray, ref: np.ndarray, difference: np.ndarray) -> Stamps:
    """Return stamps of which nothing but pixels is known."""
    n, size = new.shape[:2]
    middle = np.full(n, size // 2)
    corner = np.zeros(n, np.int32)
    return Stamps(middle, middle, corner, corner, new, ref, difference, np.zeros(new.shape, np.uint16))
