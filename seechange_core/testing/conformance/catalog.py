"""What every star catalogue has to pass, holding stars that are known."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from seechange_core.api import CatalogRegion, InputError, StarCatalog
from seechange_core.frames import StarTable
from seechange_core.frames.mapping import separation_deg
from seechange_core.testing.conformance.component import ComponentConformance
from seechange_core.testing.conformance.known_stars import (
    EPOCH_MJD,
    FIELDS,
    RADIUS_DEG,
    known_stars,
    region_of,
)

_ARCSEC_PER_DEG = 3600.0
_LIMIT = 17.0


class StarCatalogConformance(ComponentConformance):
    """Contract and truth of a star catalogue.

    Subclass it in the plugin's tests::

        class TestMine(StarCatalogConformance):
            component = MyCatalog

            def holding(self, stars, folder):
                write_in_my_format(stars, folder / "stars.csv")
                return MyCatalog(MyCatalog.Params(path=str(folder / "stars.csv")))

    For a catalogue behind a network replace its client by one that answers with the stars. Without ``holding`` it is
    asked for real stars, and tested for what needs no truth; without the network these tests are skipped.

    Attributes
    ----------
    main_band : str
        Band that the faint limit is for: ``G`` or ``r``.
    epoch_mjd : float
        Of the positions, where it is no property of the stars but a known one of the catalogue.
    """

    component: ClassVar[type[StarCatalog]]
    main_band: ClassVar[str] = "G"
    epoch_mjd: ClassVar[float] = EPOCH_MJD
    manual: ClassVar[str] = "docs/how-to/write-a-star-catalogue.md"

    def holding(self, stars: StarTable, folder: Path) -> StarCatalog:
        """Return a catalogue of given stars, in its own format, written to an empty folder."""
        raise NotImplementedError

    @property
    def has_truth(self) -> bool:
        """Tell whether the stars of the catalogue are known."""
        return type(self).holding is not StarCatalogConformance.holding

    @property
    def _filled(self) -> tuple[StarCatalog, Any]:
        def fill() -> tuple[StarCatalog, Any]:
            folder = tempfile.TemporaryDirectory(prefix="seechange-conformance-")
            return self.holding(known_stars(), Path(folder.name)), folder

        return self.once("catalogue and its folder", fill)

    def make(self, **changes: Any) -> StarCatalog:
        """Return the catalogue, with the known stars in it where that can be."""
        if not self.has_truth:
            made: StarCatalog = super().make(**changes)
            return made
        parameters = {**self._filled[0].params.model_dump(), **changes}
        return self.component(self.component.Params(**parameters))

    def ordinary_input(self) -> CatalogRegion:
        """Return a cone at no special place."""
        return region_of("ordinary")

    def run(self, component: StarCatalog, given: CatalogRegion) -> StarTable:
        """Fetch."""
        try:
            return component.fetch(given)
        except InputError as error:
            if self.has_truth:
                raise
            pytest.skip(f"not reached, and without holding() there is no truth: {error}")

    def fetched(self, field: str, **changes: float) -> StarTable:
        """Return the stars of a field."""
        region = region_of(field, **changes)
        return self.once(repr(region), lambda: self.run(self.make(), region))

    def _expected(self, region: CatalogRegion) -> StarTable:
        if not self.has_truth:
            pytest.skip("the stars of this catalogue are not known: write holding() in the plugin's tests")
        stars = known_stars()
        distance = separation_deg(region.ra_deg, region.dec_deg, stars["ra"], stars["dec"])
        bright = stars[f"mag_{self.main_band}"] < region.magnitude_limit
        return stars.rows((distance <= region.radius_deg) & bright)

    @pytest.mark.parametrize("field", FIELDS)
    def test_all_stars_of_a_cone_are_found(self, field: str) -> None:
        """Around RA 0 and at the poles too."""
        expected, found = self._expected(region_of(field)), self.fetched(field)
        self.require(
            found.n_rows == expected.n_rows,
            f"stars are missing, or too many ({field}: {FIELDS[field]})",
            f"{found.n_rows} stars",
            f"{expected.n_rows}: a cone on the sphere, RA is periodic",
        )

    @pytest.mark.parametrize("field", FIELDS)
    def test_no_star_lies_outside_the_cone(self, field: str) -> None:
        """Distances are great circles; right ascensions run from 0 to 360."""
        stars = self.fetched(field)
        distance = separation_deg(*FIELDS[field], stars["ra"], stars["dec"])
        outside = int(np.count_nonzero(distance > RADIUS_DEG + 1e-6))
        self.require(not outside, f"stars lie outside the cone ({field})", outside, "none")
        odd = int(np.count_nonzero((stars["ra"] < 0) | (stars["ra"] >= 360) | (np.abs(stars["dec"]) > 90)))
        self.require(not odd, f"positions are out of range ({field})", odd, "RA 0 to 360, Dec -90 to 90")

    def test_positions_are_those_of_the_catalogues_epoch(self) -> None:
        """Neither moved to another time nor rounded: the core moves them to that of the image."""
        expected, found = self._expected(region_of("ordinary")), self.fetched("ordinary")
        nearest = [
            float(separation_deg(ra, dec, found["ra"], found["dec"]).min(initial=np.inf))
            for ra, dec in zip(expected["ra"], expected["dec"], strict=True)
        ]
        worst = max(nearest) * _ARCSEC_PER_DEG * 1000
        self.require(
            worst < 1.0,
            "stars are displaced",
            f"{worst:.1f} mas",
            "below 1 mas, at the catalogue's own epoch",
        )

    def test_epoch_is_told(self) -> None:
        """``meta["epoch_mjd"]``: stars with proper motions can then be moved."""
        epoch = self.fetched("ordinary").meta.get("epoch_mjd")
        self.require(
            isinstance(epoch, float) and 20_000 < epoch < 80_000,
            "there is no epoch",
            epoch,
            'meta["epoch_mjd"], a number',
        )
        if self.has_truth:
            right = epoch is not None and abs(epoch - self.epoch_mjd) < 1.0
            self.require(right, "the epoch is wrong", epoch, self.epoch_mjd)

    def test_proper_motions_are_kept(self) -> None:
        """``pmra`` (mas/yr, times cos(dec)) and ``pmdec``."""
        expected, found = self._expected(region_of("ordinary")), self.fetched("ordinary")
        self.require(
            "pmra" in found and "pmdec" in found, "proper motions are lost", list(found), "pmra, pmdec"
        )
        off = max(
            float(np.abs(np.sort(found[name]) - np.sort(expected[name])).max(initial=0))
            for name in ("pmra", "pmdec")
        )
        self.require(
            off < 0.1, "proper motions are wrong", f"by {off:.2f} mas/yr", "below 0.1; mas/yr, times cos(dec)"
        )

    def test_faint_limit_is_kept(self) -> None:
        """In the catalogue's main band; a step asks for no more than it needs."""
        faint = self.fetched("ordinary", magnitude_limit=_LIMIT).main_magnitudes()
        self.require(
            np.all(faint < _LIMIT),
            "stars are fainter than the limit",
            f"{faint.max(initial=0):.2f}",
            f"below {_LIMIT}",
        )
        if self.has_truth:
            expected = self._expected(region_of("ordinary", _LIMIT)).n_rows
            self.require(len(faint) == expected, "the limit takes the wrong stars", len(faint), expected)

    def test_larger_cone_holds_the_smaller_in_one_order(self) -> None:
        """So that an excerpt that is there serves smaller wishes, with the same bits."""
        smaller = self.fetched("ordinary", radius_deg=RADIUS_DEG / 2)
        larger = region_of("ordinary", radius_deg=RADIUS_DEG / 2).stars_of(self.fetched("ordinary"))
        same = smaller.n_rows == larger.n_rows and np.array_equal(smaller["id"], larger["id"])
        self.require(
            same,
            "a larger cone has other stars, or another order",
            larger.n_rows,
            f"{smaller.n_rows}, the same",
        )

    def test_empty_region_gives_an_empty_table(self) -> None:
        """With the columns that it would have; or an `InputError` where the catalogue does not reach."""
        if not self.has_truth:
            pytest.skip("where this catalogue is empty is not known")
        try:
            stars = self.make().fetch(CatalogRegion(270.0, 60.0, 0.01, 20.0))
        except InputError as error:
            self.require(
                "reach" in str(error),
                "why there are no stars is not told",
                error,
                "that the catalogue does not reach there",
            )
            return
        self.require(
            stars.n_rows == 0 and set(stars) == set(self.fetched("ordinary")),
            "an empty region has other columns, or stars",
            (stars.n_rows, sorted(set(self.fetched("ordinary")) ^ set(stars))),
            "no rows, the same columns",
        )

    def test_magnitudes_have_a_system(self) -> None:
        """``meta["system"]`` says of each band whether it is Vega or AB."""
        stars = self.fetched("ordinary")
        bands = [name[4:] for name in stars if name.startswith("mag_") and not name.endswith("_error")]
        system = stars.meta.get("system", {})
        wrong = [band for band in bands if system.get(band) not in ("vega", "ab")]
        self.require(
            bands and not wrong, "bands have no system", wrong or "no bands", 'meta["system"]: vega or ab'
        )

    def test_excerpts_of_other_content_have_another_identity(self) -> None:
        """The fingerprint follows what the catalogue holds; results would be mixed up otherwise."""
        if not self.has_truth:
            pytest.skip("the content of this catalogue cannot be changed")
        if self.make().fingerprint() is None:
            pytest.skip("it does not tell what content it has: its name and version stand for it")
        region = region_of("ordinary")
        with tempfile.TemporaryDirectory(prefix="seechange-conformance-") as folder:
            other = self.holding(known_stars().rows(slice(0, 60)), Path(folder)).excerpt_id(region)
        own = self.make().excerpt_id(region)
        self.require(other != own, "two contents have one identity", own, "a fingerprint() of the content")
        again = self.make().excerpt_id(region)
        self.require(again == own, "one content has two identities", again, own)
