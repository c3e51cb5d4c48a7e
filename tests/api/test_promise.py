"""Nothing that plugins rely on goes or changes unnoticed."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from types import ModuleType

import pluggy
import pytest

from seechange_core import __version__, api, frames, hookspecs
from seechange_core.deprecation import Renamed, SeeChangeDeprecationWarning, deprecated_names
from tests.api.listing import ROOT, names_that_plugins_import, public_names

STORED = ROOT / "tests/api/public_names.txt"
HOOKS = {
    name: list(inspect.signature(value).parameters)
    for name, value in vars(hookspecs).items()
    if hasattr(value, f"{hookspecs.PROJECT}_spec")
}


def test_public_names_are_those_of_the_stored_list() -> None:
    stored, now = set(STORED.read_text("utf-8").split("\n")) - {""}, set(public_names())
    gone, new = sorted(stored - now), sorted(now - stored)
    assert not gone, (
        f"plugins rely on these; keep them (seechange_core/deprecation.py) for one minor version: {gone}"
    )
    assert not new, f"new public names; python tests/api/listing.py > tests/api/public_names.txt: {new}"


def test_plugins_import_only_names_that_are_there() -> None:
    missing = []
    for full_name in names_that_plugins_import():
        module, _, name = full_name.rpartition(".")
        if not hasattr(import_module(module), name):
            missing.append(full_name)
    assert missing == []


def test_every_hook_is_documented_with_its_arguments() -> None:
    text = (ROOT / "docs/plugins.md").read_text("utf-8")
    told = {
        name: [one for one in re.split(r",\s*", arguments) if one]
        for name, arguments in re.findall(r"^\| `(\w+)\(([\w, ]*)\)` \|", text, re.MULTILINE)
    }
    assert len(HOOKS) >= 8
    assert told == HOOKS


def test_hooks_without_arguments_can_be_implemented_without() -> None:
    """An implementation takes the arguments that it wants, so that a hook can be given more."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    plugin = ModuleType("plugin")
    for name in HOOKS:
        setattr(plugin, name, api.hookimpl(lambda: None, specname=name))
    manager.register(plugin)
    manager.check_pending()


def test_old_name_works_and_warns_with_what_to_write_instead() -> None:
    old = deprecated_names(
        "seechange_core.api", {"Subtracter": Renamed("seechange_core.api.Subtractor", "0.1")}
    )
    with pytest.warns(
        SeeChangeDeprecationWarning, match=r"called seechange_core\.api\.Subtractor .* gone in 0\.2"
    ):
        assert old("Subtracter") is api.Subtractor
    with pytest.raises(AttributeError, match="has no attribute 'Nonsense'"):
        old("Nonsense")


def test_old_name_is_gone_after_one_minor_version() -> None:
    renamed = Renamed("seechange_core.api.Subtractor", "0.9")
    assert [renamed.overdue(version) for version in ("0.9.4", "0.10.0", "1.0.0")] == [False, True, True]


@pytest.mark.parametrize("module", [api, frames], ids=lambda module: module.__name__)
def test_no_old_name_has_overstayed(module: ModuleType) -> None:
    overdue = [name for name, renamed in module.RENAMED.items() if renamed.overdue(__version__)]
    assert not overdue, f"remove them from {module.__name__}.RENAMED: {overdue}"
    with pytest.raises(AttributeError, match="has no attribute"):
        _ = module.no_such_name
