"""What every photometric calibration has to pass."""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar

import numpy as np

from seechange_core.api import PhotometrySolver
from seechange_core.frames import Frame, PhotometricSolution, SkyMapping, SourceTable, StarTable
from seechange_core.testing.conformance.component import ComponentConformance

ZERO_POINT = 28.7
_SHAPE = (1024, 1024)
_N_STARS, _N_VARIABLE = 200, 20
_Given = tuple[Frame, SourceTable, SkyMapping, StarTable | None, None]


@cache
def field() -> tuple[Frame, SourceTable, SkyMapping, StarTable]:
    """Return an image's sources and a catalogue with magnitudes in its filter; a tenth of the stars vary."""
    rng = np.random.default_rng(9)
    scale = 0.26 / 3600.0
    mapping = SkyMapping((10.0, -20.0), (511.5, 511.5), np.diag([-scale, scale]))
    x, y = rng.uniform(20, 1000, (2, _N_STARS))
    magnitude = np.sort(rng.uniform(15.0, 19.0, _N_STARS))
    flux = 10.0 ** (0.4 * (ZERO_POINT - magnitude)) * (1.0 + 0.01 * rng.standard_normal(_N_STARS))
    flux[rng.permutation(_N_STARS)[:_N_VARIABLE]] *= 0.6
    columns: dict[str, Any] = {name: np.zeros(_N_STARS) for name in SourceTable.COLUMNS}
    columns |= {"x": x, "y": y, "flux": flux, "flux_error": 0.01 * flux, "snr": np.full(_N_STARS, 100.0)}
    columns |= {"x_error": np.full(_N_STARS, 0.02), "y_error": np.full(_N_STARS, 0.02)}
    columns |= {"a": np.full(_N_STARS, 1.9), "b": np.full(_N_STARS, 1.9), "is_star": np.ones(_N_STARS)}
    columns["peak"] = flux / 20
    ra, dec = mapping.pixel_to_sky(x, y)
    error = np.full(_N_STARS, 1.0)
    stars = {
        "id": np.arange(_N_STARS).astype(str),
        "ra": ra,
        "dec": dec,
        "ra_error": error,
        "dec_error": error,
    }
    for band, colour in {"r": 0.0, "relative": 0.0, "G": 0.2, "BP": 0.6, "RP": -0.3}.items():
        stars |= {f"mag_{band}": magnitude + colour, f"mag_{band}_error": np.full(_N_STARS, 0.01)}
    system = {"r": "ab", "relative": "ab", "G": "vega", "BP": "vega", "RP": "vega"}
    meta = {"epoch_mjd": 60000.0, "catalog": "known", "system": system}
    plane = np.full(_SHAPE, 400.0, np.float32)
    info = {"mjd": 60000.0, "filter": "r", "exposure_s": 60.0, "pixel_scale_arcsec": 0.26}
    image = Frame(plane, plane, np.zeros(_SHAPE, np.uint16), info)
    return image, SourceTable(columns, {"aperture_correction": 0.0}), mapping, StarTable(stars, meta)


class PhotometryConformance(ComponentConformance):
    """Contract and truth of a `PhotometrySolver`."""

    component: ClassVar[type[PhotometrySolver]]
    manual: ClassVar[str] = "docs/how-to/write-a-calibrator.md"

    def ordinary_input(self) -> _Given:
        """Return 200 stars, of which 20 have faded by half a magnitude."""
        return *field(), None

    def run(self, component: PhotometrySolver, given: _Given) -> tuple[PhotometricSolution, dict[str, Any]]:
        """Solve."""
        return component.solve(*given)

    def test_zero_point_is_the_true_one(self) -> None:
        """Variable stars have no say."""
        solution = self.ordinary_output()[0]
        zero_points = solution.zero_point_at([100.0, 500.0, 900.0], [100.0, 500.0, 900.0])
        off = float(np.abs(zero_points - ZERO_POINT).max())
        self.require(off < 0.02, "the zero point is wrong", f"by {off:.3f} mag", "below 0.02")

    def test_error_covers_the_truth(self) -> None:
        """It is that of the mean: some mmag."""
        solution = self.ordinary_output()[0]
        off = abs(solution.zero_point - ZERO_POINT)
        self.require(
            0 < solution.zero_point_error < 0.05 and off < 5 * solution.zero_point_error,
            "the error of the zero point is wrong",
            f"{solution.zero_point_error:.4f} mag, off by {off:.4f}",
            "a few mmag that cover the difference",
        )

    def test_solution_tells_where_it_is_from(self) -> None:
        """Filter, catalogue, number of stars."""
        solution = self.ordinary_output()[0]
        told = (solution.filter, solution.n_stars > 100)
        self.require(told == ("r", True), "the solution does not tell its filter or stars", told, ("r", True))

    def test_image_without_stars_is_rejected(self) -> None:
        """A number that nothing supports must not be called calibrated."""
        image, some, mapping, stars, _ = self.ordinary_input()
        assert stars is not None
        self.require_clear(
            self.rejection_of((image, some, mapping, stars.rows(slice(0, 1)), None)), "a single star"
        )

    def test_metrics_can_be_stored(self) -> None:
        """As JSON."""
        self.require_json(dict(self.ordinary_output()[1]), "metrics")
