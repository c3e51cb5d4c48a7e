"""What is told of a position in one exposure; all of it JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

#: From never seen to measured.
Verdict = Literal[
    "not covered",
    "not processed",
    "in reference",
    "stopped",
    "masked",
    "unknown",
    "below threshold",
    "part of another",
    "deleted",
    "flagged",
    "measured",
]


@dataclass(frozen=True)
class Stop:
    """Where the processing of a section ended before its candidates were measured.

    Parameters
    ----------
    step : str
        The process; empty if none began.
    state : str
        ``rejected``, ``waiting``, ``failed``, ``running``, or ``done`` where nobody asked for more.
    reason : str
        As it was recorded; empty if there is none.
    """

    step: str
    state: str
    reason: str = ""


@dataclass(frozen=True)
class LocalDepth:
    """What the difference image shows at a position.

    Parameters
    ----------
    threshold : float or None
        Least absolute score of a detection (sigma); None before detection.
    noise : float
        What scores around the position were divided by, since they scatter more than they should; 1 as a rule.
    score : float or None
        At the position (sigma); None where masked pixels forbid one.
    extreme_score : float or None
        The largest absolute one within the search radius, with its sign.
    flux, flux_error : float or None
        PSF flux at the position and its error, in `flux_unit`.
    limiting_flux : float or None
        Of the search at the position, see `limit_kind`.
    limiting_magnitude : float or None
        The same as AB magnitude, where fluxes are nJy.
    limit_kind : {"injected", "noise"}
        ``"injected"``: half of the sources of this brightness that were injected into the image are found, moved by as
        much as the noise at the position differs from that of the image. ``"noise"``: where none were injected, the
        threshold, or 5 before detection, times the error of the flux and the noise: what cuts lose is not in it.
    flux_unit : str
        ``nJy``, ``relative`` or ``electron``.
    unusable_fraction : float
        Part of the PSF core's pixels that is unusable.
    planes : mapping of str to str
        Mask planes within the core, and where they come from: ``new image``, or else ``reference``, which includes what
        resampling and subtraction have spread.
    """

    threshold: float | None
    noise: float
    score: float | None
    extreme_score: float | None
    flux: float | None
    flux_error: float | None
    limiting_flux: float | None
    limiting_magnitude: float | None
    limit_kind: str
    flux_unit: str
    unusable_fraction: float
    planes: Mapping[str, str]


@dataclass(frozen=True)
class TestResult:
    """How a candidate did in one test: see `frames.DecisionTest`; `verdict` is ``passed``, ``flagged`` or ``deleted``.

    A value that could not be measured is None, which is flagged.
    """

    name: str
    column: str
    value: float | None
    comparison: str
    flag: float | None
    delete: float | None
    verdict: str


@dataclass(frozen=True)
class Candidate:
    """A peak at a position and what became of it.

    Parameters
    ----------
    distance_arcsec : float
        From the position.
    x, y, ra, dec : float or None
        Its own position (pixel, deg).
    score : float
        Of the detection (sigma).
    tests : tuple of TestResult
        In order.
    measurement : mapping
        Row of `models.Measurements` as far as it matters; empty if the candidate was deleted.
    scores : tuple of mapping
        ``scorer``, ``version``, ``score``, ``threshold`` (None where the scorer names none) of each scorer.
    object : str or None
        Name of the object that the measurement belongs to.
    """

    distance_arcsec: float
    x: float
    y: float
    ra: float | None
    dec: float | None
    score: float
    tests: tuple[TestResult, ...]
    measurement: Mapping[str, Any] = field(default_factory=dict)
    scores: tuple[Mapping[str, Any], ...] = ()
    object: str | None = None


@dataclass(frozen=True)
class Finding:
    """What happened at a position in one section of one exposure.

    Parameters
    ----------
    exposure_id, exposure : str
        Primary key, and the name of its first file.
    instrument, filter, section : str
        The section that covers the position, or the nearest one; all that may cover it where nothing was processed.
    mjd : float
        Mid-exposure, UTC.
    verdict : str
        See `Verdict`.
    summary : str
        The same in a sentence.
    outside_arcsec : float or None
        How far the position is from the section's nearest edge; 0 inside; None if only the pointing is known.
    x, y : float or None
        Where the position falls on the section (pixel).
    stop : Stop or None
        None where candidates were measured.
    depth : LocalDepth or None
        None without a difference image.
    candidate : Candidate or None
        None where there was no peak within the search radius.
    """

    exposure_id: str
    exposure: str
    instrument: str
    filter: str
    section: str
    mjd: float
    verdict: Verdict
    summary: str
    outside_arcsec: float | None = None
    x: float | None = None
    y: float | None = None
    stop: Stop | None = None
    depth: LocalDepth | None = None
    candidate: Candidate | None = None

    def as_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)
