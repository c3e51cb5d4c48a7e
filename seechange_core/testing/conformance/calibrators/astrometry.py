"""What every astrometry has to pass."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any, ClassVar

import numpy as np

from seechange_core.api import AstrometrySolver
from seechange_core.frames import Frame, SkyMapping, SourceTable, StarTable
from seechange_core.simulation.source_lists import FieldConditions, ListedField, listed_field, wrong_header
from seechange_core.testing.conformance.component import ComponentConformance

_SHAPE = (2048, 1024)
_SCALE_ARCSEC = 0.26
_OFFSET_ARCSEC = (20.0, -15.0)
_Given = tuple[Frame, SourceTable, SkyMapping | None, StarTable | None]


@cache
def field(right_ascension_deg: float = 150.0) -> ListedField:
    """Return sources and stars of a field."""
    conditions = FieldConditions(n_stars=900, n_galaxies=100, centre=(right_ascension_deg, -30.0))
    return listed_field(np.random.default_rng(5), conditions, _SHAPE, _SCALE_ARCSEC)


@cache
def _image() -> Frame:
    plane = np.ones(_SHAPE, np.float32)
    info = {"mjd": 60000.0, "pixel_scale_arcsec": _SCALE_ARCSEC, "filter": "r", "instrument": "simulation"}
    return Frame(plane, plane, np.zeros(_SHAPE, np.uint16), info)


def _given(offset_arcsec: tuple[float, float] = (0.0, 0.0), turn_deg: float = 0.0) -> _Given:
    listed = field()
    return _image(), listed.sources, wrong_header(listed.truth, _SHAPE, offset_arcsec, turn_deg), listed.stars


class AstrometryConformance(ComponentConformance):
    """Contract and truth of an `AstrometrySolver`; one that rejects a header that is off is given one that is not."""

    component: ClassVar[type[AstrometrySolver]]
    manual: ClassVar[str] = "docs/how-to/write-a-calibrator.md"

    def ordinary_input(self) -> _Given:
        """Return a field, and a header that is off and turned."""
        trusts = self.once(
            "trusts the header", lambda: self.rejection_of(_given(_OFFSET_ARCSEC, 0.1)) is not None
        )
        return _given() if trusts else _given(_OFFSET_ARCSEC, 0.1)

    def run(self, component: AstrometrySolver, given: _Given) -> tuple[SkyMapping, dict[str, Any]]:
        """Solve."""
        return component.solve(*given)

    def test_mapping_is_the_true_one(self) -> None:
        """All over the image, with its distortion."""
        error = field().rms_pixel(self.ordinary_output()[0])
        # A linear mapping, as headers have it and few stars allow, lacks the distortion.
        limit = 0.1 if np.any(self.ordinary_output()[0].sip_a) else 1.0
        self.require(error < limit, "the mapping is wrong", f"{error:.3f} pixel", f"below {limit:g}")

    def test_stars_of_another_field_are_rejected(self) -> None:
        """A chance match would put every measurement in the wrong place."""
        image, some, first, _ = self.ordinary_input()
        others = field(151.0).stars
        moved = others.with_columns(ra=others["ra"] - 1.0).rows(
            np.random.default_rng(1).random(others.n_rows) < 0.6
        )
        jumbled = moved.with_columns(dec=moved["dec"][::-1])
        self.require_clear(self.rejection_of((image, some, first, jumbled)), "stars of another field")

    def test_image_without_sources_is_rejected(self) -> None:
        """With the number that there is; who trusts the first mapping needs none."""
        image, some, first, stars = self.ordinary_input()
        if self.ordinary_output()[0].n_stars:
            self.require_clear(self.rejection_of((image, some.rows(slice(0, 0)), first, stars)), "no sources")

    def test_metrics_can_be_stored(self) -> None:
        """As JSON, but for the table ``matched_stars``."""
        metrics = dict(self.ordinary_output()[1])
        metrics.pop("matched_stars", None)
        self.require_json(metrics, "metrics")

    def test_solution_tells_its_error(self) -> None:
        """Where stars were used: their number and scatter."""
        mapping = self.ordinary_output()[0]
        told = mapping.n_stars == 0 or (mapping.n_stars > 2 and 0 < mapping.rms_mas < 500)
        self.require(
            told, "the mapping does not tell its error", replace(mapping, cd=np.eye(2)), "n_stars and rms_mas"
        )
