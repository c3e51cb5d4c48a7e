from __future__ import annotations

import numpy as np
import pytest

from seechange_core.frames import MeasurementTable
from seechange_rbscore.features import N_FEATURES, network_features, without_measurements


def table(n: int, **changes: float) -> MeasurementTable:
    """Candidates just like the PSF at S/N 20, but for what is changed."""
    columns: dict[str, float] = {
        "flux": 2000.0, "flux_error": 100.0, "aperture_flux": 2000.0, "aperture_flux_error": 120.0, "new_flux": 1900.0,
        "score": 20.0, "snr": 20.0, "chi2": 1.0, "width_ratio": 1.0, "elongation": 1.1, "peak_ratio": 1.1,
        "dipole_fraction": 0.1, "edge_distance": 300.0, "n_negative": 5, "x_error": 0.08, "y_error": 0.08,
        "psf_like": True,
    }  # fmt: skip
    columns |= changes
    return MeasurementTable({name: np.full(n, columns.get(name, 0.0)) for name in MeasurementTable.COLUMNS})


@pytest.mark.parametrize("changes", [{}, {"flux": np.nan}, {"snr": 0.0, "flux": 0.0}, {"chi2": np.inf}])
def test_features_are_finite_and_of_order_one(changes: dict[str, float]) -> None:
    values = network_features(table(2, **changes), np.ones(2))
    assert values.shape == (2, N_FEATURES)
    assert values.dtype == np.float32
    assert np.abs(values).max() <= 10.0


def test_no_unit_counts() -> None:
    electrons = table(3)
    fluxes = ("flux", "flux_error", "aperture_flux", "aperture_flux_error", "new_flux", "reference_flux")
    njy = electrons.with_columns(**{name: 7.5 * electrons[name] for name in fluxes})
    sign = np.ones(3)
    np.testing.assert_allclose(network_features(electrons, sign), network_features(njy, sign), rtol=1e-6)


def test_what_is_not_a_number_is_unknown() -> None:
    known = network_features(table(1), np.ones(1))
    without = network_features(table(1, chi2=np.nan), np.ones(1))
    changed = np.flatnonzero((known != without)[0])
    assert len(changed) <= 2
    assert (without[0, changed] == 0.0).all()


def test_missing_columns_are_unknown_and_the_sign_stays() -> None:
    columns = {"snr": np.array([10.0]), "score": np.array([10.0])}
    values = network_features(columns, -np.ones(1))
    width = N_FEATURES // 2
    assert values[0, width:-1].sum() == 2.0
    assert values[0, -1] == -1.0
    np.testing.assert_array_equal(
        network_features({}, -np.ones(1)), without_measurements(network_features(table(1), -np.ones(1)))
    )
