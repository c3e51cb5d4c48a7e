"""Deliberately wrong versions of the real plugins, and the one check that has to notice each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from seechange_core.testing.conformance.component import ComponentConformance

_MADE: dict[Any, tuple[Any, Any]] = {}


@dataclass(frozen=True)
class Mutant:
    """A wrong component.

    Parameters
    ----------
    wrong : str
        What is wrong with it.
    original : type
        The class of tests of the real one.
    methods : mapping
        What replaces attributes of the real one.
    check : str
        Name of the test that has to fail.
    arguments : mapping
        Of that test, where it has several cases.
    """

    wrong: str
    original: type[ComponentConformance]
    methods: Mapping[str, Any]
    check: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tests(self) -> type[ComponentConformance]:
        """The class of tests, for the wrong component."""
        real = self.original.component
        component = type(
            real.__name__, (real,), {"__doc__": real.__doc__, "__module__": real.__module__, **self.methods}
        )
        tests = type(self.original.__name__, (self.original,), {"component": component})
        # A wrong camera reads what the real one has written.
        tests._made |= {key: made for key, made in self.original._made.items() if key == "exposure"}
        return tests


def after(real: Callable[..., Any], change: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that changes what the real one returns; `change` is given the result and the arguments."""

    def method(self: Any, *arguments: Any) -> Any:
        return change(_remembered(real, self, arguments), *arguments)

    return method


def _remembered(real: Callable[..., Any], component: Any, arguments: tuple[Any, ...]) -> Any:
    """Return what the real method makes; of the same objects, what it made of them for another mutant."""
    try:
        key: Any = (real, arguments)
        hash(key)
    except TypeError:
        key = (real, tuple(id(argument) for argument in arguments))
    if key not in _MADE:
        # The arguments are kept: what is gone may leave its id to something else.
        _MADE[key] = real(component, *arguments), arguments
    return _MADE[key][0]


def before(real: Callable[..., Any], change: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that changes the first argument of the real one."""

    def method(self: Any, given: Any, *others: Any) -> Any:
        return real(self, change(given), *others)

    return method
