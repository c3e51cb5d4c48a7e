"""The basis of the kernel, and its fit to stamps."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import fftconvolve

from seechange_alardlupton.kernel_basis import KernelBasis, kernel_basis
from seechange_alardlupton.kernel_fit import fit_kernel
from seechange_alardlupton.stamp_sums import stamp_sums
from seechange_core.frames import PsfModel
from seechange_core.imaging.subtraction.cleaned_pair import CleanedPair
from seechange_core.imaging.subtraction.patched_plane import Holes, PatchedPlane

SHAPE = (300, 300)
DEGREES = (4, 4, 2, 2)


@pytest.fixture(scope="module")
def basis() -> KernelBasis:
    return kernel_basis(3.0, 4.0, DEGREES)


def _image(basis: KernelBasis, number: int) -> np.ndarray:
    return basis.image(np.eye(basis.size)[number])


def test_first_function_alone_carries_flux(basis: KernelBasis) -> None:
    sums = [_image(basis, number).sum() for number in range(basis.size)]
    assert sums == pytest.approx([1.0] + [0.0] * (basis.size - 1), abs=1e-12)
    assert not basis.varies[0]


def test_products_are_convolutions(basis: KernelBasis) -> None:
    image = np.random.default_rng(1).normal(size=(2 * basis.half + 5, 2 * basis.half + 8))
    functions = np.tensordot(basis.combination, basis.products(image), axes=1)
    for number in (0, 3, basis.size - 1):
        expected = fftconvolve(image, _image(basis, number), mode="valid")
        assert functions[number] == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(("narrow", "wide"), [(4.0, 4.0), (1.7, 1.8), (3.0, 8.0)])
def test_kernel_reaches_the_wings(narrow: float, wide: float) -> None:
    assert kernel_basis(narrow, wide, DEGREES).half >= 3.5 * wide


def _scene(rng: np.random.Generator, flux: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw 36 Gaussian stars of FWHM 3 pixels; return the image and their positions."""
    row, column = (grid.ravel() for grid in np.meshgrid(np.arange(6) * 50 + 25, np.arange(6) * 50 + 25))
    image = np.zeros(SHAPE)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    for r, c, dy, dx in zip(row, column, *rng.uniform(-0.5, 0.5, (2, len(row))), strict=True):
        image += (
            flux * np.exp(-((x - c - dx) ** 2 + (y - r - dy) ** 2) / (2 * 1.27**2)) / (2 * np.pi * 1.27**2)
        )
    return image, column, row


def _pair(new: np.ndarray, ref: np.ndarray, noise: float) -> CleanedPair:
    psf = PsfModel(np.ones((1, 1, 1), np.float32), fwhm=3.0)
    variance = np.full(SHAPE, noise**2, np.float32)
    bad = np.zeros(SHAPE, bool)
    none = np.empty(0, np.float32)
    planes = (
        PatchedPlane(plane.astype(np.float32), Holes.of(bad), none)
        for plane in (new, ref, variance, variance / 100)
    )
    return CleanedPair(*planes, bad, none, np.zeros(SHAPE, np.uint16), psf, psf, noise, noise / 10)


def test_kernel_that_varies_is_recovered(basis: KernelBasis) -> None:
    rng = np.random.default_rng(2)
    ref, column, row = _scene(rng, 1e5)
    gradient = np.zeros(basis.size)
    gradient[4] = 0.05
    u = (2 * np.arange(SHAPE[1]) + 1) / SHAPE[1] - 1
    first = np.eye(basis.size)[0] * 1.1
    new = (
        fftconvolve(ref, basis.image(first), mode="same")
        + fftconvolve(ref, basis.image(gradient), mode="same") * u
    )
    new += rng.normal(0, 5.0, SHAPE)
    # One star has varied.
    new[60:90, 60:90] *= 1.3
    pair = _pair(new, ref, 5.0)
    sums = stamp_sums(pair.ref.whole(), pair.new.whole(), pair, column, row, 14, basis)
    model = fit_kernel(sums, column, row, basis, 1, SHAPE)
    varied = (column == 75) & (row == 75)
    assert not model.kept[varied].any()
    assert np.count_nonzero(model.kept) >= 33
    # The sum is known worse than a star's flux: wide wings and the background of the stamps are much alike.
    assert model.flux_scale == pytest.approx(1.1, abs=3e-3)
    assert model.chi2 == pytest.approx(1.0, abs=0.15)
    for x in (40.0, 260.0):
        expected = basis.image(first + gradient * ((2 * x + 1) / SHAPE[1] - 1))
        assert model.kernel(x, 150.0) == pytest.approx(expected, abs=0.05 * expected.max())
