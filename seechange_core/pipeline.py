"""From a profile to an ordered plan whose provenance is known before anything runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seechange_core.errors import ProfileError
from seechange_core.params import Params
from seechange_core.profile import Branch, ProcessSchema, Profile
from seechange_core.provenance import Provenance
from seechange_core.steps.association import AssociationParams
from seechange_core.steps.astrocal import Astrocal
from seechange_core.steps.coaddition import Coaddition
from seechange_core.steps.completeness import Completeness
from seechange_core.steps.cutting import Cutting
from seechange_core.steps.detection import Detection
from seechange_core.steps.extraction import Extraction
from seechange_core.steps.gates import GatedParams
from seechange_core.steps.injection import Injection
from seechange_core.steps.measuring import Measuring
from seechange_core.steps.photocal import Photocal
from seechange_core.steps.preprocessing import Preprocessing
from seechange_core.steps.referencing import ReferencingParams
from seechange_core.steps.scoring import Scoring
from seechange_core.steps.step import Step
from seechange_core.steps.subtraction import Subtraction
from seechange_core.steps.surroundings import Surroundings

EXPOSURE_CHAIN: tuple[type[Step], ...] = (
    Preprocessing,
    Extraction,
    Astrocal,
    Photocal,
    Subtraction,
    Detection,
    Cutting,
    Measuring,
    Surroundings,
    Scoring,
)
#: What is done with the exposures of a reference, and then with their coadd.
COADD_CHAIN: tuple[type[Step], ...] = (Coaddition, Extraction, Astrocal, Photocal)


def _leading_to(last: type[Step], chain: Sequence[type[Step]]) -> tuple[type[Step], ...]:
    """Return the steps of a chain that make what the last one needs, and the last one."""
    needed, kept = set(last.inputs), [last]
    for step in reversed(chain):
        if needed.intersection(step.outputs):
            kept.append(step)
            needed.update(step.inputs)
    return tuple(reversed(kept))


#: The search of an exposure, repeated on an image with injected sources as far as that tells what is found of them.
INJECTION_CHAIN = _leading_to(Completeness, (Injection, *EXPOSURE_CHAIN[EXPOSURE_CHAIN.index(Subtraction) :]))
CALIBRATED_ROLES = ("image", "background", "sources", "psf", "mapping", "photometry")

#: Processes that are no steps of a plan: the runner does them, with these parameters.
ASSOCIATION, REFERENCING = "association", "referencing"


def process_schemas() -> tuple[ProcessSchema, ...]:
    """Return everything that a profile can say of processes, in the order of the chain."""
    schemas, measured = [], dict[str, None]()
    for step in EXPOSURE_CHAIN:
        schemas.append(ProcessSchema(step.process, step.Params, step.slots, tuple(measured)))
        if issubclass(step.Params, GatedParams):
            measured |= dict.fromkeys(step.Params.quantities)
    return (
        *schemas,
        ProcessSchema(Coaddition.process, Coaddition.Params, Coaddition.slots),
        ProcessSchema(Injection.process, Injection.Params),
        ProcessSchema(Completeness.process, Completeness.Params),
        ProcessSchema(ASSOCIATION, AssociationParams),
        ProcessSchema(REFERENCING, ReferencingParams),
    )


@dataclass(frozen=True)
class PlannedStep:
    """A step with what the profile gives it.

    Parameters
    ----------
    step : Step
        What runs.
    params : Params
        Its own parameters.
    components : mapping of str to tuple of Component
        By slot.
    provenance : Provenance
        Of what it makes.
    upstream : mapping of str to str
        Role that it needs to the process that makes it.
    branches : tuple of Branch
        What takes the place of parameters and components where a condition holds; the first that does.
    branch : str
        The condition that held; empty for none.
    """

    step: Step
    params: Params
    components: Mapping[str, tuple[Any, ...]]
    provenance: Provenance
    upstream: Mapping[str, str]
    branches: tuple[Branch, ...] = ()
    branch: str = ""

    @property
    def process(self) -> str:
        """Name of the process."""
        return self.step.process

    def taken(self, metrics: Mapping[str, Any]) -> PlannedStep:
        """Return the step with the parameters and components of the branch that earlier steps' metrics choose."""
        for branch in self.branches:
            if branch.condition.holds(metrics):
                return replace(
                    self, params=branch.params, components=branch.components, branch=str(branch.condition)
                )
        return self


@dataclass(frozen=True)
class Plan:
    """Steps in the order in which they run."""

    steps: tuple[PlannedStep, ...]

    def __iter__(self) -> Iterator[PlannedStep]:
        return iter(self.steps)

    def __getitem__(self, process: str) -> PlannedStep:
        return next(planned for planned in self.steps if planned.process == process)

    def through(self, process: str) -> Plan:
        """Return the plan up to and with a process.

        Raises
        ------
        ProfileError
            If the plan has no such process.
        """
        names = [planned.process for planned in self.steps]
        if process not in names:
            raise ProfileError([f"no step is called {process!r}; the steps are {', '.join(names)}"])
        return Plan(self.steps[: names.index(process) + 1])

    def maker(self, role: str) -> str:
        """Return the process that makes a role."""
        return next(planned.process for planned in reversed(self.steps) if role in planned.step.outputs)

    def provenances(self) -> tuple[Provenance, ...]:
        """Return what the plan makes, in order."""
        return tuple(planned.provenance for planned in self.steps)


def exposure_plan(profile: Profile) -> Plan:
    """Plan the chain from a raw section to scored measurements."""
    return _plan(profile, EXPOSURE_CHAIN, {})


def coadd_plan(profile: Profile) -> Plan:
    """Plan the coaddition of calibrated images and the calibration of the result."""
    members = exposure_plan(profile).through(Photocal.process)
    made_by = {role: members[members.maker(role)].provenance for role in CALIBRATED_ROLES}
    return _plan(profile, COADD_CHAIN, {f"member_{role}": provenance for role, provenance in made_by.items()})


def injection_plan(profile: Profile) -> Plan:
    """Plan the injection of sources into a searched image, and its search: a branch off the chain of exposures."""
    return _plan(profile, INJECTION_CHAIN, {}, exposure_plan(profile))


def referencing_provenance(profile: Profile) -> Provenance:
    """Return the provenance of references: their choice of images, and how those became one."""
    plan = coadd_plan(profile)
    upstream = {role: plan[plan.maker(role)].provenance for role in CALIBRATED_ROLES}
    return Provenance.of(REFERENCING, "1.1", profile.parameters(REFERENCING).critical(), {}, upstream)


def _plan(
    profile: Profile,
    chain: Sequence[type[Step]],
    outside: Mapping[str, Provenance],
    trunk: Iterable[PlannedStep] = (),
) -> Plan:
    """Plan a chain that starts from what is `outside`, or that branches off where a `trunk` has made its roles."""
    planned: list[PlannedStep] = []
    maker = {role: made for made in trunk for role in made.step.outputs}
    for position, step_class in enumerate(chain):
        components = profile.components(step_class.process)
        described = dict(components)
        if step_class is Preprocessing:
            # What the camera makes of a file decides the pixels as much as any correction.
            described["instrument"] = (profile.instrument(),)
        upstream = {role: maker[role] for role in step_class.inputs}
        provenances = {role: made.provenance for role, made in upstream.items()}
        params = profile.parameters(step_class.process)
        branches = profile.branches(step_class.process)
        provenance = Provenance.of(
            step_class.process,
            step_class.version,
            params.critical(),
            described,
            {**provenances, **(outside if position == 0 else {})},
            [(str(branch.condition), branch.params.critical(), branch.components) for branch in branches],
        )
        entry = PlannedStep(
            step_class(),
            params,
            components,
            provenance,
            {role: made.process for role, made in upstream.items()},
            branches,
        )
        planned.append(entry)
        maker |= dict.fromkeys(step_class.outputs, entry)
    return Plan(tuple(planned))
