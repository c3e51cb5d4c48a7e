"""`seechange new-plugin`."""

from __future__ import annotations

import keyword
import re
import sys
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from seechange_core import __version__
from seechange_core.registry import Registry

#: What a template calls the plugin, and its class.
_NAME, _CLASS = "myplugin", "MyPlugin"
#: By kind: what it is called in prose, and how a profile names it.
_KINDS = {
    "instrument": ("camera", "seechange process --instrument myplugin FILES"),
    "calibrator": (
        "correction",
        "preprocessing: {use: [overscan, bias, flat, gain, myplugin, edges, noise]}",
    ),
    "subtractor": ("subtractor", "subtraction: {use: myplugin}"),
    "scorer": ("scorer", "scoring: {use: [myplugin]}"),
    "catalog": ("star catalogue", "astrocal: {catalog: {use: myplugin, myplugin: {path: stars.csv}}}"),
}


@click.command("new-plugin")
@click.argument("kind", type=click.Choice(list(_KINDS)))
@click.argument("name")
@click.option(
    "-o",
    "--output",
    "--out",
    "out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to make (default: seechange-NAME here).",
)
def new_plugin(kind: str, name: str, out: Path | None) -> None:
    """Write the package of a plugin that works: to be installed, tested, and changed into your own.

    NAME is what profiles will call it: lower case letters, digits and underscores. The package passes the conformance
    tests as it is, so that whatever fails later is what you changed.

    \b
    instrument  a camera: reads its raw files, knows its geometry, simulates an exposure of itself
    calibrator  a correction of pixels, between raw and calibrated
    subtractor  an algorithm of image subtraction
    scorer      an opinion, from 0 to 1, on how real a candidate is
    catalog     a catalogue of stars

    \b
    For example:
      seechange new-plugin scorer sharpness
      cd seechange-sharpness
      pip install --editable '.[test]'
      pytest

    The manual goes on from there: docs/plugins.md.
    """  # noqa: D301 - click keeps the lines of a paragraph that begins with a backspace
    _check_name(kind, name)
    folder = out or Path(f"seechange-{name.replace('_', '-')}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise click.UsageError(f"{folder} is there already; name another folder with --out, or remove it")
    for path in write_package(kind, name, folder):
        click.echo(path)
    click.echo(f"now: cd {folder}; pip install --editable '.[test]'; pytest", err=True)


def _check_name(kind: str, name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*[a-z0-9]", name) or keyword.iskeyword(name):
        raise click.UsageError(f"{name!r} is no name for a plugin: lower case letters, digits, underscores")
    taken = Registry().components(kind)
    if name in taken or f"seechange_{name}" in sys.modules:
        raise click.UsageError(f"a {kind} called {name!r} is installed already: {', '.join(sorted(taken))}")


def write_package(kind: str, name: str, folder: Path) -> list[Path]:
    """Write the package of a plugin from its template, and return the files.

    Parameters
    ----------
    kind : str
        ``"instrument"``, ``"calibrator"``, ``"subtractor"``, ``"scorer"`` or ``"catalog"``.
    name : str
        Of the component; the package is called ``seechange_<name>``.
    folder : Path
        Is made.
    """
    described, use = _KINDS[kind]
    replacements = {
        "KIND": described,
        "USE": use,
        "CORE": ".".join(__version__.split(".")[:2]),
        f"seechange-{_NAME}": f"seechange-{name.replace('_', '-')}",
        _NAME: name,
        _CLASS: "".join(part.capitalize() for part in name.split("_")),
    }
    written = []
    templates = resources.files("seechange_core.commands") / "plugin_templates"
    for source in ("common", kind):
        for relative, template in _files(templates / source):
            path = folder / _replaced(relative, replacements).removesuffix(".template")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_replaced(template.read_text("utf-8"), replacements), "utf-8")
            written.append(path)
    return sorted(written)


def _files(folder: Traversable, prefix: str = "") -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _files(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".template"):
            found.append((prefix + entry.name, entry))
    return found


def _replaced(text: str, replacements: dict[str, str]) -> str:
    for old, new in replacements.items():
        text = text.replace(old, new)
    return text
