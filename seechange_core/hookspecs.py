"""The hooks: a plugin implements those it has something for, each with the arguments it wants.

For example::

    from seechange_core.api import hookimpl

    @hookimpl
    def register_scorers():
        return [MyScorer]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import click

    from seechange_core.api import Calibrator, Instrument, Scorer, StarCatalog, Subtractor

PROJECT = "seechange"
hookspec = pluggy.HookspecMarker(PROJECT)


@hookspec
def register_instruments() -> list[type[Instrument]]:  # type: ignore[empty-body]
    """Return instrument classes: ``return [MyCamera]``."""


@hookspec
def register_calibrators() -> list[type[Calibrator]]:  # type: ignore[empty-body]
    """Return calibrator classes of any stage: ``return [Dark, Fringe]``."""


@hookspec
def register_subtractors() -> list[type[Subtractor]]:  # type: ignore[empty-body]
    """Return subtraction algorithms: ``return [Zogy]``."""


@hookspec
def register_scorers() -> list[type[Scorer]]:  # type: ignore[empty-body]
    """Return scorers: ``return [RealBogus]``."""


@hookspec
def register_catalogs() -> list[type[StarCatalog]]:  # type: ignore[empty-body]
    """Return star catalogues: ``return [SkyMapper]``."""


@hookspec
def register_commands(cli: click.Group) -> None:
    """Add commands to ``seechange``: ``cli.add_command(my_command)``."""


@hookspec
def step_finished(step: str, result: Any) -> None:
    """Hear that a step of a section ended well: ``log(step, result.metrics)``; what it raises is logged only."""


@hookspec
def step_failed(step: str, error: BaseException) -> None:
    """Hear that a step of a section failed or rejected its data; what it raises is logged only."""
