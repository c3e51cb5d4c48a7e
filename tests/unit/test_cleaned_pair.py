"""What two images have differently in their sky is taken away, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from seechange_core.errors import Rejected
from seechange_core.frames import AlignedPair, Frame, PsfModel
from seechange_core.imaging.psf.fitted_psf import full_width
from seechange_core.imaging.subtraction.cleaned_pair import cleaned_pair, without_background
from seechange_core.imaging.subtraction.unknown_psf import with_measured_psfs
from seechange_core.simulation.injection import inject_point_sources
from seechange_core.simulation.psf_field import MoffatField

SIDE = 250
SIGMA = 100.0


@pytest.fixture(scope="module")
def psf() -> PsfModel:
    return MoffatField((SIDE, SIDE), 4.0, (0.0, 0.0), 3.5).model()


def pair_of(new: Frame, psf: PsfModel, seed: int) -> AlignedPair:
    return AlignedPair(new, empty(seed + 100), psf, psf, 1.0)


def empty(seed: int) -> Frame:
    noise = np.random.default_rng(seed).normal(0, SIGMA, (SIDE, SIDE))
    return Frame(noise, np.full((SIDE, SIDE), SIGMA**2), np.zeros((SIDE, SIDE)))


def subtracted(new: Frame, psf: PsfModel, seed: int) -> np.ndarray:
    before = cleaned_pair(pair_of(new, psf, seed), fill_error=0.1, min_usable_fraction=0.2)
    return before.new.whole() - without_background(before).new.whole()


def test_a_gradient_of_the_sky_is_subtracted(psf: PsfModel) -> None:
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    sky = 30.0 + 20.0 * x - 10.0 * y**2
    frame = empty(1)
    found = subtracted(frame.replaced(data=frame.data + sky), psf, 1)
    # 225 blocks of 256 pixels, noise of both images, six coefficients: 2 electrons at the edges.
    assert np.abs(found - sky).max() < 8.0
    assert np.std(found - sky) < 2.5


def test_light_of_new_sources_is_not_taken_for_sky(psf: PsfModel) -> None:
    """Twenty of 15 sigma have a mean light of 8 electrons a pixel."""
    levels = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        x, y = rng.uniform(12, SIDE - 12, (2, 20))
        new = inject_point_sources(empty(seed), psf, x, y, np.full(20, 25e3), rng)
        levels.append(np.mean(subtracted(new, psf, seed) - subtracted(empty(seed), psf, seed)))
    # The wings below the noise stay: a tenth. Medians alone would leave more than half.
    assert abs(np.mean(levels)) < 1.5


def test_a_pair_without_psf_is_rejected(psf: PsfModel) -> None:
    pair = AlignedPair(empty(1), empty(2), psf, None, 1.0)
    with pytest.raises(Rejected, match="a PSF of the pair is unknown"):
        cleaned_pair(pair, fill_error=0.1, min_usable_fraction=0.2)


def test_an_unknown_psf_is_measured(psf: PsfModel) -> None:
    x, y = (grid.ravel() for grid in np.meshgrid([40.3, 120.1, 200.7], [50.2, 130.9, 210.4]))
    starry = inject_point_sources(empty(3), psf, x, y, np.full(9, 3e5), np.random.default_rng(5))
    pair = AlignedPair(starry, starry, None, psf, 1.0)
    measured = with_measured_psfs(pair)
    assert measured.ref_psf is psf
    assert measured.new_psf is not None
    # Nine stars with 600 sigma each tell the width to 0.1 %.
    width = full_width(psf.centred(SIDE / 2, SIDE / 2))
    assert full_width(measured.new_psf.centred(SIDE / 2, SIDE / 2)) == pytest.approx(width, rel=0.005)
    with pytest.raises(Rejected, match="the PSF of the reference is unknown and cannot be measured"):
        with_measured_psfs(AlignedPair(starry, empty(4), psf, None, 1.0))
