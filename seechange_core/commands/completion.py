"""`seechange completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes commands and options in a shell.

    \b
    bash  seechange completion bash > ~/.local/share/bash-completion/completions/seechange
    zsh   seechange completion zsh > "${fpath[1]}/_seechange"
    fish  seechange completion fish > ~/.config/fish/completions/seechange.fish

    New shells then complete with the tabulator key.
    """  # noqa: D301 - click keeps the lines of a paragraph that begins with a backspace
    complete = get_completion_class(shell)
    assert complete is not None
    click.echo(complete(context.find_root().command, {}, "seechange", "_SEECHANGE_COMPLETE").source())
