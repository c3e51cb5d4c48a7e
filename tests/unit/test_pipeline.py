"""Plans: what a profile makes of the chain, before anything runs and without a database."""

from __future__ import annotations

from typing import Any

import pytest

from seechange_core.errors import ProfileError
from seechange_core.pipeline import (
    CALIBRATED_ROLES,
    COADD_CHAIN,
    EXPOSURE_CHAIN,
    Plan,
    coadd_plan,
    exposure_plan,
    process_schemas,
    referencing_provenance,
)
from seechange_core.profile import Profile, load_profile
from seechange_core.registry import Registry

PROCESSES = [step.process for step in EXPOSURE_CHAIN]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry()


def profile_of(registry: Registry, *assignments: str, instrument: str = "simcam") -> Profile:
    return load_profile(
        registry, process_schemas(), instrument=instrument, assignments=assignments, environment={}
    )


def ids(plan: Plan) -> dict[str, str]:
    return {planned.process: planned.provenance.id for planned in plan}


def changed(registry: Registry, *assignments: str) -> list[str]:
    before, after = (
        ids(exposure_plan(profile_of(registry))),
        ids(exposure_plan(profile_of(registry, *assignments))),
    )
    return [process for process in PROCESSES if before[process] != after[process]]


def test_plan_knows_all_provenances_without_a_database(registry: Registry, tmp_path: Any) -> None:
    nowhere = f"storage.root={tmp_path / 'none'}"
    plan = exposure_plan(profile_of(registry, nowhere))
    assert list(ids(plan)) == PROCESSES
    assert len({provenance.id for provenance in plan.provenances()}) == len(PROCESSES)
    assert ids(plan) == ids(exposure_plan(profile_of(registry, nowhere)))
    assert not (tmp_path / "none").exists()


def test_upstream_is_whoever_makes_the_role(registry: Registry) -> None:
    plan = exposure_plan(profile_of(registry))
    assert dict(plan["preprocessing"].upstream) == {}
    assert dict(plan["subtraction"].upstream) == {
        "image": "preprocessing",
        "background": "extraction",
        "sources": "extraction",
        "psf": "extraction",
        "mapping": "astrocal",
        "photometry": "photocal",
    }
    for planned in plan:
        made_by = {role: plan[process].provenance.id for role, process in planned.upstream.items()}
        assert dict(planned.provenance.upstream) == made_by
    assert plan.maker("measurements") == "measuring"


@pytest.mark.parametrize(
    ("assignment", "first"),
    [
        ("subtraction.use=alardlupton", "subtraction"),
        ("detection.threshold=6", "detection"),
        ("extraction.psf.use=supplied", "extraction"),
        ("scoring.use=[]", "scoring"),
        ("preprocessing.use=[overscan,gain,noise]", "preprocessing"),
    ],
)
def test_change_reaches_what_follows_and_nothing_before(
    registry: Registry, assignment: str, first: str
) -> None:
    assert changed(registry, assignment) == PROCESSES[PROCESSES.index(first) :]


@pytest.mark.parametrize(
    "assignment",
    [
        "subtraction.alardlupton.spatial_degree=1",
        "runner.jobs=3",
        "runner.tag=dr1",
        "association.radius_arcsec=2",
    ],
)
def test_what_is_not_used_is_not_hashed(registry: Registry, assignment: str) -> None:
    assert changed(registry, assignment) == []


def test_camera_is_hashed_with_preprocessing(registry: Registry) -> None:
    # The profile of one camera with another one's files would not make the same pixels.
    same = ["preprocessing.use=[gain,noise]", "astrocal.catalog.use=gaia_dr3"]
    plans = [exposure_plan(profile_of(registry, *same, instrument=name)) for name in ("simcam", "ls4")]
    assert plans[0]["preprocessing"].provenance.id != plans[1]["preprocessing"].provenance.id


def test_through_ends_the_plan(registry: Registry) -> None:
    plan = exposure_plan(profile_of(registry))
    assert [planned.process for planned in plan.through("photocal")] == PROCESSES[:4]
    assert ids(plan.through("photocal")) == dict(list(ids(plan).items())[:4])
    with pytest.raises(
        ProfileError, match=r"no step is called 'photcal'; the steps are preprocessing, .*scoring"
    ):
        plan.through("photcal")


def test_coadd_depends_on_all_that_its_members_are(registry: Registry) -> None:
    profile = profile_of(registry)
    members, coadd = exposure_plan(profile), coadd_plan(profile)
    assert [planned.process for planned in coadd] == [step.process for step in COADD_CHAIN]
    assert dict(coadd["coaddition"].provenance.upstream) == {
        f"member_{role}": members[members.maker(role)].provenance.id for role in CALIBRATED_ROLES
    }
    # The same step has another provenance where it works on a coadd.
    assert coadd["extraction"].provenance.id != members["extraction"].provenance.id


def test_reference_depends_on_how_its_images_were_chosen(registry: Registry) -> None:
    one, other = (
        referencing_provenance(profile_of(registry, *assignments))
        for assignments in ((), ("referencing.min_images=2",))
    )
    assert one.process == other.process == "referencing"
    assert one.id != other.id
    assert one.upstream == other.upstream
