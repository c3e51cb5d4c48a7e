"""What can go wrong, as classes that callers can tell apart.

Messages say what is wrong, where, and what to do about it, in one or two lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class SeeChangeError(Exception):
    """Base class of every error that SeeChange raises on purpose."""


class InputError(SeeChangeError):
    """A file or a value from outside cannot be used: truncated, without a keyword, in a wrong unit."""


class ProfileError(SeeChangeError):
    """A survey's configuration cannot be used; carries every problem found, not only the first.

    Parameters
    ----------
    problems : list of str
        One sentence each, with key path and source.
    """

    def __init__(self, problems: list[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


class PluginError(SeeChangeError):
    """A plugin or one of its components breaks the contract."""


class UnknownComponentError(PluginError):
    """The profile names a component that no installed plugin provides."""


class StoreError(SeeChangeError):
    """The database or the file store refused: missing file, wrong checksum, no space, read only."""


class MissingInput(SeeChangeError):
    """Something that a step needs is not there yet; the step can be run later and nothing is remembered.

    Parameters
    ----------
    what : str
        The role that could not be filled, for example ``"reference"`` or ``"bias"``.
    message : str
        What was looked for, where, and what to do.
    """

    def __init__(self, what: str, message: str) -> None:
        self.what = what
        super().__init__(message)

    def __reduce__(self) -> tuple[type[MissingInput], tuple[str, str]]:
        return type(self), (self.what, str(self))


class Rejected(SeeChangeError):
    """The data are too bad for a step: a normal outcome that ends this section only and is remembered.

    Parameters
    ----------
    reason : str
        For people: what was measured, what the limit is.
    metrics : mapping, optional
        What was measured up to there (JSON values).
    flags : tuple of str, optional
        What is wrong with the data: names of `models.Badness` in lower case, such as ``"bad_seeing"``.
    """

    def __init__(
        self, reason: str, metrics: Mapping[str, Any] | None = None, flags: tuple[str, ...] = ()
    ) -> None:
        self.reason = reason
        self.metrics = dict(metrics or {})
        self.flags = flags
        super().__init__(reason)

    def __reduce__(self) -> tuple[type[Rejected], tuple[str, dict[str, Any], tuple[str, ...]]]:
        return type(self), (self.reason, self.metrics, self.flags)
