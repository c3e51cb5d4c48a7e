"""Gates on what steps measure, and conditions that choose other parameters."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path

import pytest

from seechange_core.errors import ProfileError, Rejected
from seechange_core.models import Badness
from seechange_core.pipeline import coadd_plan, exposure_plan, process_schemas
from seechange_core.profile import Profile, load_profile
from seechange_core.profile.conditions import Condition
from seechange_core.registry import Registry
from seechange_core.runner.run_step import badness_of
from seechange_core.steps.astrocal import AstrocalParams
from seechange_core.steps.cutting import CuttingParams
from seechange_core.steps.extraction import ExtractionParams
from seechange_core.steps.gates import Gate, Limits, judged
from seechange_core.steps.photocal import PhotocalParams

SEEING = {"seeing_arcsec": Gate(warn_above=2.0, reject_above=3.0, filters={"z": Limits(reject_above=1.0)})}


def judge(gates: dict[str, Gate], filter_name: str = "r", **metrics: float | None) -> dict[str, str]:
    return judged(ExtractionParams(gates=gates), metrics, filter_name, "extraction")


def test_good_value_passes_in_silence() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert judge(SEEING, seeing_arcsec=1.5, ellipticity=0.9) == {"seeing_arcsec": "good"}
        assert judge(SEEING, seeing_arcsec=2.0) == {"seeing_arcsec": "good"}


def test_warning_says_what_and_where() -> None:
    with pytest.warns(UserWarning, match=r"seeing_arcsec is 2.5: above 2 \(extraction.gates\)"):
        assert judge(SEEING, seeing_arcsec=2.5) == {"seeing_arcsec": "warn"}


def test_rejection_says_why_with_all_reasons_and_flags() -> None:
    gates = SEEING | {"ellipticity": Gate(reject_above=0.3), "n_stars": Gate(reject_below=20)}
    with pytest.raises(Rejected) as caught:
        judge(gates, seeing_arcsec=3.5, ellipticity=0.5, n_stars=30)
    assert caught.value.reason == (
        "seeing_arcsec is 3.5: above 3; ellipticity is 0.5: above 0.3 (extraction.gates)"
    )
    assert badness_of(caught.value, "extraction") == Badness.BAD_SEEING | Badness.TRAILED
    assert caught.value.metrics["seeing_arcsec"] == 3.5
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.reason, again.flags) == (caught.value.reason, caught.value.flags)


def test_filter_has_limits_of_its_own() -> None:
    with pytest.raises(Rejected, match="above 1"):
        judge(SEEING, "z", seeing_arcsec=1.2)
    assert judge(SEEING, "r", seeing_arcsec=1.2) == {"seeing_arcsec": "good"}


def test_what_was_not_measured_passes_and_nan_does_not() -> None:
    assert judge(SEEING, seeing_arcsec=None) == {}
    assert judge(SEEING) == {}
    with pytest.raises(Rejected):
        judge(SEEING, seeing_arcsec=float("nan"))


def test_zero_point_is_held_against_the_usual() -> None:
    gate = Gate(usual={"g": 25.1, "r": 25.3}, warn_below=-0.3, reject_below=-1.0, reject_above=0.5)
    params = PhotocalParams(gates={"zero_point_per_s": gate})
    assert judged(params, {"zero_point_per_s": 25.2}, "r", "photocal") == {"zero_point_per_s": "good"}
    with pytest.warns(UserWarning, match=r"-0.500 from the usual 25.3: below -0.3"):
        judged(params, {"zero_point_per_s": 24.8}, "r", "photocal")
    with pytest.raises(Rejected, match=r"-1.300 from the usual 25.1") as caught:
        judged(params, {"zero_point_per_s": 23.8}, "g", "photocal")
    assert badness_of(caught.value, "photocal") == Badness.CLOUDS
    assert judged(params, {"zero_point_per_s": 10.0}, "z", "photocal") == {}


def test_quantity_that_is_not_measured_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"seing is not measured here; there are seeing_arcsec"):
        ExtractionParams(gates={"seing": Gate()})


@pytest.mark.parametrize("params", [ExtractionParams, AstrocalParams, PhotocalParams])
def test_flags_of_quantities_exist(params: type[ExtractionParams]) -> None:
    assert {flag.upper() for flag in params.quantities.values()} <= set(Badness.__members__)


def test_steps_without_gates_measure_freely() -> None:
    assert judged(CuttingParams(), {"seeing_arcsec": 99.0}, "r", "cutting") == {}


@pytest.mark.parametrize(
    ("process", "flag"), [("astrocal", Badness.BAD_ASTROMETRY), ("cutting", Badness.OTHER)]
)
def test_rejection_without_flags_gets_that_of_its_process(process: str, flag: Badness) -> None:
    assert badness_of(Rejected("too few stars"), process) == flag


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("stars_per_deg2 > 1e5", 2e5, True),
        ("stars_per_deg2 > 1e5", 1e5, False),
        ("stars_per_deg2>=1e5", 1e5, True),
        ("a < -.5", -1, True),
        ("a <= 3.", 3.5, False),
        ("a > 1", None, False),
        ("a > 1", float("nan"), False),
    ],
)
def test_condition(text: str, value: float | None, holds: bool) -> None:
    condition = Condition.parse(text)
    assert condition.holds({condition.quantity: value}) is holds
    assert not condition.holds({})
    assert Condition.parse(str(condition)) == condition


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a > b",
        "1 < a",
        "a > 1 or b > 2",
        "__import__('os') > 1",
        "a.b > 1",
        "a == 1",
        "a > 1 > 0",
        "a>1;",
    ],
)
def test_anything_else_is_no_condition(text: str) -> None:
    with pytest.raises(ValueError, match="is no condition"):
        Condition.parse(text)


PROFILE = """
photocal:
  zeropoint: {min_stars: 12}
  when:
    "stars_per_deg2 > 1e5": {zeropoint: {min_snr: 30}, magnitude_limit: 19}
    "stars_per_deg2 > 1e4": {zeropoint: {min_snr: 20}}
subtraction:
  when: {"seeing_arcsec > 2.5": {use: alardlupton}}
"""


def profile(tmp_path: Path, text: str = PROFILE) -> Profile:
    path = tmp_path / "survey.yaml"
    path.write_text(text)
    return load_profile(Registry(), process_schemas(), file=path, instrument="simcam", environment={})


def test_first_branch_whose_condition_holds_is_taken(tmp_path: Path) -> None:
    photocal = exposure_plan(profile(tmp_path))["photocal"]
    chosen = {density: photocal.taken({"stars_per_deg2": density}) for density in (1e3, 2e4, 2e5)}
    solver = {density: taken.components[""][0].params for density, taken in chosen.items()}
    assert [solver[density].min_snr for density in (1e3, 2e4, 2e5)] == [10, 20, 30]
    assert {one.min_stars for one in solver.values()} == {12}
    assert [chosen[density].params.magnitude_limit for density in (1e3, 2e5)] == [20.5, 19]
    assert [taken.branch for taken in chosen.values()] == [
        "",
        "stars_per_deg2 > 10000",
        "stars_per_deg2 > 100000",
    ]
    assert {taken.provenance.id for taken in chosen.values()} == {photocal.provenance.id}


def test_branch_may_use_another_component_also_for_coadds(tmp_path: Path) -> None:
    subtraction = exposure_plan(profile(tmp_path))["subtraction"]
    assert subtraction.components[""][0].name == "zogy"
    assert subtraction.taken({"seeing_arcsec": 3.0}).components[""][0].name == "alardlupton"
    assert len(coadd_plan(profile(tmp_path))["photocal"].branches) == 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("min_snr: 30", "min_snr: 31"),
        ("> 1e5", "> 2e5"),
        ("> 1e5", ">= 1e5"),
        ('    "stars_per_deg2 > 1e4": {zeropoint: {min_snr: 20}}\n', ""),
    ],
)
def test_all_branches_enter_the_provenance(tmp_path: Path, old: str, new: str) -> None:
    def provenance(text: str) -> str:
        return exposure_plan(profile(tmp_path, text))["photocal"].provenance.id

    assert provenance(PROFILE) != provenance(PROFILE.replace(old, new))
    assert provenance(PROFILE) == provenance(PROFILE.replace("> 1e5", "> 100000.0"))


def test_order_of_branches_enters_the_provenance(tmp_path: Path) -> None:
    lines = PROFILE.splitlines()
    swapped = "\n".join([*lines[:4], lines[5], lines[4], *lines[6:]])
    before, after = (exposure_plan(profile(tmp_path, text))["photocal"] for text in (PROFILE, swapped))
    assert before.provenance.id != after.provenance.id
    assert after.taken({"stars_per_deg2": 2e5}).components[""][0].params.min_snr == 20


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('photocal: {when: {"sky > 1": {}}}', "do not measure sky, but seeing_arcsec"),
        ('photocal: {when: {"zero_point > 25": {}}}', "do not measure zero_point"),
        ('photocal: {when: {"stars_per_deg2 > many": {}}}', "is no condition"),
        (
            'photocal: {when: {"n_stars > 5": {zeropont: {}}}}',
            r"photocal\.when\.n_stars > 5\.zeropont: there is no",
        ),
        ('detection: {when: {"n_stars > 5": {threshold: high}}}', r"detection\.when\.n_stars > 5\.threshold"),
        (
            'extraction: {when: {"seeing_arcsec > 2": {threshold: 6}}}',
            r"extraction\.when: there is no such key",
        ),
    ],
)
def test_problems_name_their_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        profile(tmp_path, text)


def test_values_show_what_a_branch_changes(tmp_path: Path) -> None:
    shown = {key: (value, source) for key, value, source in profile(tmp_path).values() if ".when." in key}
    source = str(tmp_path / "survey.yaml")
    assert shown["photocal.when.stars_per_deg2 > 1e5.zeropoint.min_snr"] == (30, source)
    assert shown['subtraction.when."seeing_arcsec > 2.5".use'] == ("alardlupton", source)
    assert not any("min_stars" in key for key in shown)
