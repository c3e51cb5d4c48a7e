"""What one section of one exposure came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True)
class SectionCheck:
    """The state of a section, and what its steps measured and decided.

    Parameters
    ----------
    exposure_id, exposure : UUID, str
        Primary key, and name of the first file.
    mjd : float
        Mid-exposure, UTC.
    filter, section : str
        Which.
    state : str
        ``done``, ``rejected``, ``waiting``, ``failed``, ``running``, or ``not processed``.
    step : str
        The last process that was reached.
    reason : str
        Why it is not done.
    values : mapping of str to float
        By name of the `Quantity`.
    n_peaks, n_flagged, n_deleted : int
        Of the difference: all peaks, those flagged and kept, those deleted.
    decisions : mapping
        By name of the test: how many peaks it ``flagged`` and ``deleted``.
    scores : mapping of str to list of int
        By scorer: candidates in equal ranges of the score from 0 to 1.
    n_likely_real : mapping of str to int
        By scorer: candidates that reach its threshold.
    """

    exposure_id: UUID
    exposure: str
    mjd: float
    filter: str
    section: str
    state: str
    step: str = ""
    reason: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    n_peaks: int = 0
    n_flagged: int = 0
    n_deleted: int = 0
    decisions: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    scores: Mapping[str, list[int]] = field(default_factory=dict)
    n_likely_real: Mapping[str, int] = field(default_factory=dict)

    @property
    def subtracted(self) -> bool:
        """Whether candidates were decided on."""
        return bool(self.decisions)
