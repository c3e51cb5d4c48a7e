"""The program `seechange`: its commands are imported when they are called."""

from __future__ import annotations

import importlib
import sys
from difflib import get_close_matches
from pathlib import Path

import click

from seechange_core import __version__, logs
from seechange_core.commands.examples import add_examples
from seechange_core.commands.output_files import unwritten
from seechange_core.errors import ProfileError, SeeChangeError
from seechange_core.registry import Registry

#: Commands of the core, in the order in which people meet them, with what `--help` says of each.
COMMANDS = {
    "demo": "Simulate a small survey, run it through the chain, and show what was found.",
    "process": "Run exposures through the chain, from raw pixels to scored measurements.",
    "reference": "Build, list, show and retire references.",
    "subtract": "Subtract one plain FITS image from another.",
    "bench": "Compare algorithms on the same images.",
    "calibration": "Make calibration frames, and say which are used when.",
    "fakes": "Inject sources into images, and show how complete the search is.",
    "score": "Show how well a scorer scores, and train one on labels of your own.",
    "show": "List exposures, images, detections, measurements, objects.",
    "object": "Show one object, say what it is, merge and split objects.",
    "lightcurve": "Give the light curve of an object, detected or forced, as a table and a picture.",
    "plot": "Draw images, residuals of the astrometry, differences and stamps.",
    "report": "Tell how a night or an exposure went, as one page with figures.",
    "why": "Say what happened at a position in every exposure, and why nothing was found.",
    "export": "Write an image as plain FITS with its WCS and zero point, for other programs.",
    "profile": "Write, show, list and check configurations.",
    "provenance": "Show what made a product, compare, and list tags.",
    "plugins": "List plugins, what they provide, and what is wrong with them.",
    "new-plugin": "Write the package of a new camera, correction, algorithm, scorer or catalogue.",
    "db": "Create, upgrade and check the database.",
    "doctor": "Check that this machine and this profile are ready to work, and say what to do where not.",
    "completion": "Print the script that completes commands in bash, zsh or fish.",
    "delete": "Remove exposures or images with everything made from them.",
}


#: Exit status after Ctrl-C, as shells have it: 128 + SIGINT.
INTERRUPTED = 130


class _LazyGroup(click.Group):
    """Knows its commands by name and imports one when it is needed."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._plugins_asked = False

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._ask_plugins()
        return [*COMMANDS, *sorted(self.commands)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            name = cmd_name.replace("-", "_")
            module = importlib.import_module(f"seechange_core.commands.{name}")
            command: click.Command = getattr(module, name)
            add_examples(command, cmd_name)
            return command
        self._ask_plugins()
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = get_close_matches(args[0], self.list_commands(ctx), n=1)
            if not near:
                raise
            raise click.UsageError(f"{error.message} Did you mean {near[0]!r}?", ctx) from error

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo(
                "\nInterrupted. What was finished is kept: run the same command again to go on from there.",
                err=True,
            )
            ctx.exit(INTERRUPTED)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self._ask_plugins()
        extra = [(name, command.get_short_help_str()) for name, command in sorted(self.commands.items())]
        with formatter.section("Commands"):
            formatter.write_dl([*COMMANDS.items(), *extra])

    def _ask_plugins(self) -> None:
        if not self._plugins_asked:
            self._plugins_asked = True
            Registry().add_commands(self)


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="seechange")
@click.option("-v", "--verbose", is_flag=True, help="Log what happens, to the standard error.")
@click.option(
    "--log-format",
    type=click.Choice(logs.FORMATS),
    default="text",
    envvar="SEECHANGE_LOG_FORMAT",
    help="How to log: lines for people, or one JSON object a line.",
)
def cli(verbose: bool, log_format: str) -> None:
    """Find what changes in the sky.

    SeeChange turns the raw exposures of a survey camera into calibrated images, subtracts references, and measures and
    scores what appeared, faded or moved.

    \b
    First steps:
      seechange demo --output demo-out        a simulated survey, end to end
      seechange plugins                       cameras and algorithms that are installed
      seechange process --instrument decam FILES
    """  # noqa: D301 - click keeps the lines of a paragraph that begins with a backspace
    logs.configure(verbose=verbose, log_format=log_format)


def main() -> None:
    """Run the program; an error that SeeChange expects is one message.

    The exit status is 2 if the profile is wrong, as for a wrong command, and 1 for all other errors.
    """
    try:
        cli()
    except SeeChangeError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2 if isinstance(error, ProfileError) else 1)
    except OSError as error:
        # A disk that is full or may not be written can end any command; what has no file is a defect of our own.
        if error.filename is None:
            raise
        click.echo(f"Error: {unwritten(Path(error.filename), error)}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
