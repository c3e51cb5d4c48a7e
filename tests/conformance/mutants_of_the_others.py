"""Wrong versions of scorers, star catalogues and calibrators, and breaches of what all components keep to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table

from seechange_core.api import CatalogRegion, Params, parameter
from seechange_core.builtin.background_sep import SepBackground
from seechange_core.builtin.catalog_file import FileCatalog
from seechange_core.builtin.detrending import BadPixels, Crosstalk, Edges, Gain, Linearity
from seechange_core.builtin.photometry_stars import StarsPhotometry
from seechange_core.builtin.psf_pixelgrid import PixelGridPsf
from seechange_core.frames import MaskPlane, SectionData, StarTable
from seechange_core.imaging.astrometry.proper_motion import at_epoch
from seechange_core.testing import (
    BackgroundConformance,
    DetrenderConformance,
    PhotometryConformance,
    PsfConformance,
    ScorerConformance,
    StarCatalogConformance,
)
from seechange_rbscore import RealBogus
from tests.conformance.mutants import Mutant, after
from tests.conformance.test_builtin_calibrators import TestBadPixels as OfBadPixels
from tests.conformance.test_builtin_calibrators import TestCrosstalk as OfCrosstalk
from tests.conformance.test_builtin_calibrators import TestLinearity as OfLinearity


class OfRealBogus(ScorerConformance):
    component = RealBogus


class OfFileCatalog(StarCatalogConformance):
    component = FileCatalog

    def holding(self, stars: StarTable, folder: Path) -> FileCatalog:
        Table(dict(stars), meta={"EPOCH": stars.meta["epoch_mjd"]}).write(folder / "stars.fits")
        return self.component(FileCatalog.Params(path=str(folder)))


class OfGain(DetrenderConformance):
    component = Gain


class OfEdges(DetrenderConformance):
    component = Edges


class OfBackground(BackgroundConformance):
    component = SepBackground


class OfPsf(PsfConformance):
    component = PixelGridPsf


class OfPhotometry(PhotometryConformance):
    component = StarsPhotometry


def scored(change: Callable[[Any, Any], Any]) -> dict[str, Any]:
    def method(self: Any, stamps: Any, measurements: Any) -> Any:
        scores, details = RealBogus.score(self, stamps, measurements)
        return change(scores, measurements), details

    return {"score": method}


def fetched(change: Callable[..., StarTable]) -> dict[str, Any]:
    return {"fetch": after(FileCatalog.fetch, change)}


def without_wrapping(self: Any, region: CatalogRegion) -> StarTable:
    wide = region.radius_deg / max(np.cos(np.radians(region.dec_deg)), 1e-9)
    stars = FileCatalog.fetch(self, region)
    return stars.rows(np.abs(stars["ra"] - region.ra_deg) <= wide)


def on_a_flat_sky(self: Any, region: CatalogRegion) -> StarTable:
    stars = FileCatalog.fetch(self, replace(region, radius_deg=3.0))
    return stars.rows(
        np.hypot(stars["ra"] - region.ra_deg, stars["dec"] - region.dec_deg) <= region.radius_deg
    )


def by_distance(stars: StarTable, region: CatalogRegion) -> StarTable:
    return stars.rows(np.argsort(np.abs(stars["dec"] - region.dec_deg - 0.3 * region.radius_deg)))


def gain_once(section: SectionData, given: SectionData, *_: Any) -> SectionData:
    gain = section.amplifiers[0].gain
    return (
        section
        if section.variance is None
        else section.replaced(variance=section.variance / np.float32(gain))
    )


def new_mask(section: SectionData, *_: Any) -> SectionData:
    return section.replaced(mask=section.mask & np.uint16(MaskPlane.EDGE))


class OtherParams(Params):
    tile: int = parameter(512, description="Side of the tiles", unit="pixel")


class WordlessParams(Params):
    tile: int = 512


def with_a_lambda(self: Any, params: Any = None) -> None:
    Gain.__init__(self, params)
    self.hook = lambda: None


def in_columns(self: Any, section: SectionData, calibrations: Any) -> SectionData:
    """Take amplifiers to be read towards the same side."""
    same = tuple(replace(one, reversed_x=False) for one in section.amplifiers)
    return Crosstalk.apply(self, replace(section, amplifiers=same), calibrations)


def bent_once_more(section: SectionData, given: SectionData, *_: Any) -> SectionData:
    return section.replaced(data=2 * given.data - section.data)


MUTANTS = [
    Mutant("ghosts are not mirrored", OfCrosstalk, {"apply": in_columns}, "test_pixels_are_as_expected"),
    Mutant("the curve goes the other way", OfLinearity, {"apply": after(Linearity.apply, bent_once_more)},
           "test_pixels_are_as_expected"),
    Mutant("defects are replaced", OfBadPixels,
           {"apply": after(BadPixels.apply, lambda m, *_: m.replaced(data=np.where(m.mask > 0, 0, m.data)))},
           "test_pixels_are_as_expected"),
    Mutant("scores are out of range", OfRealBogus, scored(lambda s, m: 1.5 * s), "test_scores_are_from_0_to_1"),
    Mutant("bogus is 1", OfRealBogus, scored(lambda s, m: 1 - s), "test_real_ones_score_higher"),
    Mutant("scores are relative to the batch", OfRealBogus, scored(lambda s, m: s / max(s.max(initial=0), 1e-9)),
           "test_neighbours_in_the_batch_do_not_matter"),
    Mutant("scores are smoothed along the batch", OfRealBogus,
           scored(lambda s, m: np.convolve(s, [0.25, 0.5, 0.25], "same") if len(s) else s),
           "test_order_of_the_batch_does_not_matter"),
    Mutant("a masked candidate scores NaN", OfRealBogus, scored(lambda s, m: s + 0 * m["chi2"]),
           "test_masked_candidates_have_a_score"),
    Mutant("an empty batch fails", OfRealBogus, scored(lambda s, m: s + 0 * s.max()),
           "test_no_candidates_give_no_scores"),
    Mutant("the last candidate is dropped", OfRealBogus, scored(lambda s, m: s[:-1]),
           "test_each_candidate_has_one_score_and_one_dictionary"),
    Mutant("masked pixels poison the score", OfRealBogus,
           {"score": lambda self, stamps, m: (np.clip(stamps.difference.mean(axis=(1, 2)), 0, 1), [{}] * m.n_rows)},
           "test_masked_pixels_poison_nothing", {"value": float("nan")}),
    Mutant("right ascension does not wrap", OfFileCatalog, {"fetch": without_wrapping},
           "test_all_stars_of_a_cone_are_found", {"field": "ra 0"}),
    Mutant("the sky is flat", OfFileCatalog, {"fetch": on_a_flat_sky},
           "test_all_stars_of_a_cone_are_found", {"field": "north pole"}),
    Mutant("stars are moved to another epoch", OfFileCatalog, fetched(lambda s, r: at_epoch(s, 61000.0)),
           "test_positions_are_those_of_the_catalogues_epoch"),
    Mutant("the epoch is J2000", OfFileCatalog,
           fetched(lambda s, r: StarTable(dict(s), {**s.meta, "epoch_mjd": 51544.5})), "test_epoch_is_told"),
    Mutant("the faint limit is ignored", OfFileCatalog,
           {"fetch": lambda self, region: FileCatalog.fetch(self, replace(region, magnitude_limit=99.0))},
           "test_faint_limit_is_kept"),
    Mutant("stars are ordered by distance", OfFileCatalog, fetched(by_distance),
           "test_larger_cone_holds_the_smaller_in_one_order"),
    Mutant("pmra lacks cos(dec)", OfFileCatalog,
           fetched(lambda s, r: s.with_columns(pmra=s["pmra"] / np.cos(np.radians(s["dec"])))),
           "test_proper_motions_are_kept"),
    Mutant("the fingerprint is constant", OfFileCatalog, {"fingerprint": lambda self: "1"},
           "test_excerpts_of_other_content_have_another_identity"),
    Mutant("the variance is multiplied with the gain once", OfGain, {"apply": after(Gain.apply, gain_once)},
           "test_variance_follows_the_pixels"),
    Mutant("the mask of others is lost", OfEdges, {"apply": after(Edges.apply, new_mask)}, "test_mask_only_grows"),
    Mutant("it does not say that it was applied", OfGain,
           {"apply": after(Gain.apply, lambda made, given, *_: made.replaced(applied=given.applied))},
           "test_it_says_what_was_done"),
    Mutant("sources raise the sky", OfBackground,
           {"measure": after(SepBackground.measure, lambda m, *_: replace(m, level=m.level + np.float32(3)))},
           "test_level_is_that_of_the_sky"),
    Mutant("the noise is a variance", OfBackground,
           {"measure": after(SepBackground.measure, lambda m, *_: replace(m, rms_electron=m.rms_electron**2))},
           "test_noise_is_that_of_the_sky"),
    Mutant("the PSF is cut off", OfPsf,
           {"measure": after(PixelGridPsf.measure, lambda m, *_: (
               replace(m[0], coefficients=0.95 * m[0].coefficients), m[1]))},
           "test_psf_is_normalised"),
    Mutant("the PSF is transposed", OfPsf,
           {"measure": after(PixelGridPsf.measure, lambda m, *_: (
               replace(m[0], coefficients=m[0].coefficients[:, ::-1].copy()), m[1]))},
           "test_profile_is_that_of_the_stars"),
    Mutant("the zero point has the wrong sign", OfPhotometry,
           {"solve": after(StarsPhotometry.solve, lambda s, *_: (replace(s[0], zero_point=-s[0].zero_point), s[1]))},
           "test_zero_point_is_the_true_one"),
    Mutant("the name has capitals", OfGain, {"name": "Gain"}, "test_registry_accepts_it"),
    Mutant("nothing says what it does", OfGain, {"__doc__": None}, "test_it_says_what_it_is"),
    Mutant("a parameter has no description", OfGain, {"Params": WordlessParams}, "test_parameters_are_described"),
    Mutant("a number has no bounds", OfGain, {"Params": OtherParams}, "test_numbers_have_bounds"),
    Mutant("it cannot be pickled", OfGain, {"__init__": with_a_lambda}, "test_pickled_copy_is_the_same"),
    Mutant("its module imports numba", OfGain, {"__module__": "seechange_core.imaging.peaks"},
           "test_import_is_light"),
]  # fmt: skip
