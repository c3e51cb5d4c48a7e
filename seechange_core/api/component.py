"""What every component has, whatever its kind."""

from __future__ import annotations

from typing import Any, ClassVar

from seechange_core.params import Params

#: The contract between the core and its plugins that this core speaks.
API_VERSION = 1


class NoParams(Params):
    """For components that have nothing to set."""


class Component:
    """An algorithm, a camera or a catalogue that a profile can name.

    Parameters
    ----------
    params : Params, optional
        An instance of the class's own ``Params``; defaults where left out.

    Attributes
    ----------
    kind : str
        Set by the base class of the kind: ``"instrument"``, ``"calibrator"`` ...
    name : str
        What a profile calls it: lower case, unique within its kind.
    version : str
        "major.minor"; minor changes whenever the output can change.
    api : int
        The `API_VERSION` it was written for.
    Params : type
        Its parameters.
    """

    kind: ClassVar[str] = ""
    name: ClassVar[str] = ""
    version: ClassVar[str] = ""
    api: ClassVar[int] = API_VERSION
    Params: ClassVar[type[Params]] = NoParams

    def __init__(self, params: Any = None) -> None:
        self.params: Any = self.Params() if params is None else params

    def fingerprint(self) -> str | None:
        """Return what else decides the output, such as a hash of a model's weights; None for nothing."""
        return None

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name} {self.version}>"
