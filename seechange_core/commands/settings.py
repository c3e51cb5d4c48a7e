"""Options that commands share: where the configuration comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from seechange_core.registry import Registry

_profile_option = click.option(
    "--profile",
    "profile_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="YAML file of the survey's configuration (default: what SEECHANGE_CONFIG names).",
)


def complete_instruments(context: click.Context, option: click.Parameter, begun: str) -> list[str]:
    """Return the installed cameras whose names begin like that, for completion in shells."""
    return [name for name in Registry().components("instrument") if name.startswith(begun)]


def instrument_option(meaning: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option that names a camera, with what it means to a command."""
    return click.option(
        "--instrument", default="", metavar="NAME", shell_complete=complete_instruments, help=meaning
    )


_instrument_option = instrument_option("Camera, such as simcam; 'seechange plugins' lists them.")
_set_option = click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change one value, such as detection.threshold=5.5; may be given more than once.",
)


def profile_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--profile``, ``--instrument`` and ``--set`` to a command."""
    return _profile_option(_instrument_option(_set_option(command)))


def location_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--profile`` and ``--set`` to a command that asks only where the data are; see `open_located`."""
    return _profile_option(_set_option(command))


def read_profile(
    profile_file: Path | None,
    instrument: str,
    assignments: tuple[str, ...],
    environment: Mapping[str, str] | None = None,
) -> Any:
    """Read and check the profile that the options name; returns a `Profile`.

    With `environment` it counts instead of that of this process.

    Raises
    ------
    ProfileError
        With everything that is wrong with it.
    """
    # The chain imports its steps, which `seechange --help` must not wait for.
    from seechange_core.pipeline import process_schemas
    from seechange_core.profile import load_profile

    return load_profile(
        Registry(),
        process_schemas(),
        file=profile_file,
        instrument=instrument,
        assignments=assignments,
        environment=environment,
    )


def open_located(profile_file: Path | None, assignments: tuple[str, ...], *, must_exist: bool = True) -> Any:
    """Open the database and the folders that a profile names; see `Store.of_profile`."""
    from seechange_core.store import Store

    return Store.of_profile(profile_file, assignments, must_exist=must_exist)
