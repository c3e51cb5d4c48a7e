"""What happened at a position of the sky in every exposure."""

from __future__ import annotations

from seechange_core.store.history.finding import Candidate, Finding, LocalDepth, Stop
from seechange_core.store.history.position_history import position_history

__all__ = ["Candidate", "Finding", "LocalDepth", "Stop", "position_history"]
