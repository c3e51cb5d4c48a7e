"""How a PSF model is evaluated and drawn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from seechange_core.frames import Floats, PsfModel
from seechange_core.frames.polynomial import design_matrix, exponents
from seechange_core.imaging.psf.normalisation import light_within, measured_fwhm, normalised, recentred

_FWHM_PER_SIGMA = 2.3548200450309493


def gaussian(half: int, fwhm: float, dx: float = 0.0, dy: float = 0.0, sampling: float = 1.0) -> Floats:
    """Light of a Gaussian on whole detector pixels centred on the samples."""
    sample = np.arange(-half, half + 1) * sampling
    sigma = fwhm / _FWHM_PER_SIGMA
    across, along = (ndtr((sample - d + 0.5) / sigma) - ndtr((sample - d - 0.5) / sigma) for d in (dx, dy))
    return np.outer(along, across)


def model(fwhm: float, half: int = 16, sampling: float = 1.0) -> PsfModel:
    return PsfModel(
        gaussian(half, fwhm, sampling=sampling)[None].astype(np.float32), sampling=sampling, fwhm=fwhm
    )


def test_terms_are_in_the_order_of_psfex() -> None:
    assert exponents(2) == ((0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (0, 2))
    np.testing.assert_allclose(design_matrix(2.0, 3.0, 3)[0], [1, 2, 4, 8, 3, 6, 12, 9, 18, 27])


@pytest.mark.parametrize(
    ("fwhm", "sampling", "tolerance"),
    [
        (2.5, 1.0, 5e-4),
        (3.0, 1.0, 3e-4),
        (4.0, 1.0, 2e-4),
        (2.0, 0.5, 3e-4),
    ],
)
@pytest.mark.parametrize("phase", [(0.0, 0.0), (0.499, -0.499), (0.3, 0.2), (-0.25, 0.4)])
def test_drawing_at_a_phase_is_exact(
    fwhm: float, sampling: float, tolerance: float, phase: tuple[float, float]
) -> None:
    # What is left is the power of the PSF beyond the Nyquist frequency of its samples.
    half = round(16 / sampling)
    drawn = model(fwhm, half, sampling).stamp(100 + phase[0], 50 + phase[1], 21)
    truth = gaussian(10, fwhm, *phase)
    assert np.abs(drawn - truth).max() / gaussian(10, fwhm).max() < tolerance


def test_stamp_larger_than_the_model_is_zero_outside() -> None:
    flat = PsfModel(np.ones((1, 9, 9), np.float32) / 81, fwhm=4.0)
    stamp = flat.stamp(10.0, 10.0, 61)
    assert np.array_equal(np.nonzero((stamp > 1e-6).any(axis=0))[0], np.arange(26, 35))
    for stamp in (flat.stamp(10.0, 10.0, 61), flat.stamp(10.3, 9.8, 61)):
        assert not stamp[:25].any()
        assert not stamp[36:].any()


def test_a_stamp_cut_from_a_larger_one_is_the_same() -> None:
    psf = model(3.0)
    np.testing.assert_allclose(psf.stamp(5.2, 7.9, 31)[6:-6, 6:-6], psf.stamp(5.2, 7.9, 19), atol=1e-12)


def test_polynomial_is_evaluated_at_the_position() -> None:
    random = np.random.default_rng(3)
    coefficients = random.normal(size=(6, 5, 5)).astype(np.float32)
    psf = PsfModel(coefficients, 2, x_zero=100.0, y_zero=50.0, x_scale=40.0, y_scale=20.0)
    u, v = (130.0 - 100.0) / 40.0, (45.0 - 50.0) / 20.0
    c = coefficients.astype(np.float64)
    expected = c[0] + c[1] * u + c[2] * u**2 + c[3] * v + c[4] * u * v + c[5] * v**2
    np.testing.assert_allclose(psf.centred(130.0, 45.0), expected, atol=1e-12)


def test_fwhm_is_that_of_the_profile() -> None:
    # A Gaussian averaged over pixels is wider: its variance grows by 1/12.
    wider = np.sqrt(4.0**2 + _FWHM_PER_SIGMA**2 / 12)
    assert measured_fwhm(model(4.0), 0.0, 0.0) == pytest.approx(wider, rel=0.005)


def test_normalisation_extrapolates_the_wings() -> None:
    fwhm, beta = 4.0, 3.0
    width = fwhm / 2 / np.sqrt(2 ** (1 / beta) - 1)
    radius = np.hypot(*np.mgrid[-60:61, -60:61])
    profile = (1 + (radius / width) ** 2) ** -beta
    cropped = PsfModel(7.0 * profile[None, 48:-48, 48:-48].astype(np.float32), fwhm=fwhm)
    result = normalised(cropped)
    truth = profile / profile[radius <= 5 * result.fwhm].sum()
    # A tenth of a per cent is at stake in the wings' shape; without them it would be 1 %.
    np.testing.assert_allclose(result.coefficients[0], truth[48:-48, 48:-48], rtol=1e-3)
    assert light_within(result, result.fwhm, 5 * result.fwhm) == pytest.approx(1.0, abs=1e-6)
    assert light_within(result, result.fwhm, 8.0) == pytest.approx(truth[radius <= 8.0].sum(), abs=3e-3)


def test_normalisation_holds_everywhere() -> None:
    coefficients = np.stack([gaussian(12, 4.0), 0.1 * gaussian(12, 5.0), -0.2 * gaussian(12, 3.0)]).astype(
        np.float32
    )
    result = normalised(PsfModel(coefficients, 1, 50.0, 50.0, 50.0, 50.0, fwhm=4.0))
    sums = result.stamps([50.0, 0.0, 100.0], [50.0, 100.0, 0.0]).sum(axis=(1, 2))
    np.testing.assert_allclose(sums, 1.0, atol=1e-5)


def test_a_psf_without_light_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be normalised"):
        normalised(PsfModel(np.zeros((1, 9, 9), np.float32)))


def test_moving_the_zero_of_the_polynomial_changes_nothing() -> None:
    random = np.random.default_rng(4)
    far = PsfModel(random.normal(size=(6, 5, 5)).astype(np.float32), 2, -120.0, -500.0, 1900.0, 4000.0)
    near = recentred(far, (256, 300))
    assert (near.x_zero, near.y_zero) == (149.5, 127.5)
    for x, y in ((0.0, 0.0), (299.0, 10.0), (20.0, 255.0)):
        np.testing.assert_allclose(near.centred(x, y), far.centred(x, y), atol=1e-5)
