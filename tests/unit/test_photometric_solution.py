"""The zero point as a function of position, and its document."""

from __future__ import annotations

import json

import numpy as np
import pytest

from seechange_core.frames import PhotometricSolution
from seechange_core.frames.photometry import variation_terms
from seechange_core.store.formats.documents import photometry_document, photometry_from_document

SHAPE = (400, 200)


def solution(variation: tuple[float, ...] = ()) -> PhotometricSolution:
    return PhotometricSolution(30.0, 0.001, 0.02, 100, "r", variation=variation, shape=SHAPE)


def test_terms_are_zero_in_their_mean_and_apart() -> None:
    y, x = (grid.ravel() for grid in np.indices(SHAPE))
    terms = variation_terms(x, y, SHAPE)
    products = terms.T @ terms / len(x)
    np.testing.assert_allclose(terms.mean(axis=0), 0.0, atol=1e-4)
    np.testing.assert_allclose(products, np.diag(products.diagonal()), atol=1e-4)


def test_even_zero_point_is_the_same_everywhere() -> None:
    even = solution()
    assert even.zero_point_at([0.0, 150.0], [0.0, 30.0]).tolist() == [30.0, 30.0]
    assert even.njy_per_electron_at(3.0, 4.0) == pytest.approx(even.njy_per_electron)


def test_varying_zero_point() -> None:
    varying = solution((0.02, -0.01))
    x, y = np.array([-0.5, 199.5, 99.5]), np.array([-0.5, -0.5, 199.5])
    np.testing.assert_allclose(varying.zero_point_at(x, y), 30.0 + np.array([-0.01, 0.03, 0.0]))
    ratio = varying.njy_per_electron_at(x, y) / varying.njy_per_electron
    np.testing.assert_allclose(-2.5 * np.log10(ratio), [-0.01, 0.03, 0.0], atol=1e-12)


@pytest.mark.parametrize("variation", [(), (0.02, -0.01), (0.1, 1 / 3, 0.0, -1e-17, 2.5)])
def test_document_is_exact(variation: tuple[float, ...]) -> None:
    before = solution(variation)
    after = photometry_from_document(json.loads(json.dumps(photometry_document(before))))
    assert after == before


def test_document_of_a_solution_without_variation_can_be_read() -> None:
    document = photometry_document(solution())
    del document["variation"], document["shape"]
    assert photometry_from_document(document).zero_point_at(5.0, 5.0).tolist() == [30.0]
