"""What a step of the chain is: a pure function of its inputs with declared needs."""

from __future__ import annotations

import abc
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np

from seechange_core.api import CatalogRegion, Params
from seechange_core.frames import (
    BackgroundModel,
    Frame,
    PhotometricSolution,
    PsfModel,
    SkyMapping,
    SourceTable,
)
from seechange_core.params import Slot


@dataclass(frozen=True)
class CatalogRequest:
    """A step needs the stars of a region at the image's epoch; the runner hands over a `StarTable` under `role`."""

    region: CatalogRegion
    epoch_mjd: float
    slot: str = "catalog"
    role: str = "stars"


@dataclass(frozen=True)
class CalibrationRequest:
    """A step needs calibration files; the runner hands over a dict of kind to `Calibration` under `role`.

    Kinds in `optional` may be missing.
    """

    kinds: tuple[str, ...]
    optional: tuple[str, ...] = ()
    role: str = "calibrations"


@dataclass(frozen=True)
class SuppliedPsfRequest:
    """A step wants the PSF model that came with the raw files, or None."""

    role: str = "supplied_psf"


@dataclass(frozen=True)
class ReferenceRequest:
    """A step needs the reference of this sky area and filter: the runner hands a `CalibratedImage` over as `role`.

    It is one of the image's own camera unless `instrument` names another.
    """

    reference_set: str
    min_overlap: float
    instrument: str | None = None
    role: str = "reference"


@dataclass(frozen=True)
class ReferenceSourcesRequest:
    """A step needs the sources of the reference that was subtracted.

    The runner hands them over as `ReferenceSources` under `role`.
    """

    role: str = "reference_sources"


@dataclass(frozen=True)
class UsedStarsRequest:
    """A step wants the catalogue's stars that gave the image its sky mapping, or else its zero point.

    The runner hands them over as a `StarTable` at the image's epoch under `role`, or None where there were none.
    """

    epoch_mjd: float
    role: str = "stars"


@dataclass(frozen=True)
class AsteroidRequest:
    """A step needs the known asteroids in a cone at a time, as they are seen from the camera's site.

    The runner hands them over as an `AsteroidTable` under `role`, with some that are around the cone.

    Parameters
    ----------
    orbits : str
        File with their orbits.
    ra_deg, dec_deg, radius_deg : float
        The cone, ICRS.
    mjd : float
        Time (UTC).
    """

    orbits: str
    ra_deg: float
    dec_deg: float
    radius_deg: float
    mjd: float
    role: str = "asteroids"


@dataclass(frozen=True)
class FrameRequest:
    """A step needs the sources of the exposure that all others are relative to.

    The runner hands them over as a `StarTable` under `role`: positions by the nominal mapping of that exposure, and
    ``mag_relative``, instrumental magnitudes at its nominal zero point.

    Parameters
    ----------
    exposure : str
        Name of its file, without folder.
    """

    exposure: str
    role: str = "stars"


@dataclass(frozen=True)
class CalibratedImage:
    """An image with all that was measured on it, as references and members of a coadd are handed over."""

    image: Frame
    background: BackgroundModel
    sources: SourceTable
    psf: PsfModel
    mapping: SkyMapping
    photometry: PhotometricSolution


class ReferenceSources(NamedTuple):
    """The sources of a reference, and what its pixels and electrons mean."""

    sources: SourceTable
    mapping: SkyMapping
    photometry: PhotometricSolution


Request = (
    CatalogRequest
    | CalibrationRequest
    | SuppliedPsfRequest
    | ReferenceRequest
    | ReferenceSourcesRequest
    | UsedStarsRequest
    | AsteroidRequest
    | FrameRequest
)


@dataclass(frozen=True)
class StepContext:
    """What a step runs with besides its inputs and parameters.

    Parameters
    ----------
    components : mapping of str to tuple of Component
        What the profile put into each of the step's slots.
    instrument : Component
        The camera; steps use its descriptions, never its file methods.
    identity : str
        Of the product that is being made: what its random numbers follow from.
    """

    components: Mapping[str, tuple[Any, ...]]
    instrument: Any
    identity: str = ""

    def component(self, slot: str = "") -> Any:
        """Return the only component of a slot."""
        return self.components[slot][0]

    def random(self) -> np.random.Generator:
        """Return random numbers that are the same whenever, and wherever, the same product is made."""
        return np.random.default_rng(list(hashlib.sha256(self.identity.encode("utf-8")).digest()))


@dataclass(frozen=True)
class StepResult:
    """What a step made.

    Parameters
    ----------
    outputs : mapping
        In-memory products by role, see each step's `outputs`.
    metrics : mapping
        JSON values; the same inputs give the same metrics.
    branch : str
        Which branch of a condition was taken; empty for none.
    """

    outputs: Mapping[str, Any]
    metrics: Mapping[str, Any] = field(default_factory=dict)
    branch: str = ""


class Step(abc.ABC):
    """Base class of steps: pure, it neither loads nor saves and does not change the arrays of its inputs.

    Attributes
    ----------
    process : str
        Name in the profile, the provenance and the database.
    version : str
        Changes whenever the output can change; a test holds a hash of the output on a fixed scene.
    Params : type
        The step's own parameters.
    slots : tuple of Slot
        Where the profile names components.
    inputs : tuple of str
        Roles that it needs from steps before it; the plan finds which process makes each.
    outputs : tuple of str
        Roles of what `run` returns.
    """

    process: ClassVar[str]
    version: ClassVar[str]
    Params: ClassVar[type[Params]]
    slots: ClassVar[tuple[Slot, ...]] = ()
    inputs: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[tuple[str, ...]] = ()

    def requests(self, inputs: Mapping[str, Any], params: Any, context: StepContext) -> tuple[Request, ...]:
        """Say what else is needed, given the upstream products."""
        return ()

    @abc.abstractmethod
    def run(self, inputs: dict[str, Any], params: Any, context: StepContext) -> StepResult:
        """Compute the outputs.

        Parameters
        ----------
        inputs : dict
            By role; the step's own. It may take out what no other step and no row needs, so that the memory is freed.

        Raises
        ------
        Rejected
            If the data are too bad.
        """
