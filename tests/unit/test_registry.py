"""The registry keeps broken plugins apart and never hides one."""

from __future__ import annotations

from importlib import metadata
from types import SimpleNamespace

import click
import pytest

from seechange_core.api import AstrometrySolver, Calibrator, PhotometrySolver, Scorer, hookimpl
from seechange_core.errors import PluginError, UnknownComponentError
from seechange_core.registry import Registry, contract_problem


class Constant(Scorer):
    """Says one half."""

    name = "constant"
    version = "1.0"

    def score(self, stamps, measurements):
        return [], []


def scorer_plugin(*classes):
    class Plugin:
        @hookimpl
        def register_scorers(self):
            return list(classes)

    return Plugin()


class FakeEntryPoint:
    def __init__(self, package, name, load):
        self.dist = SimpleNamespace(name=package, version="1.0")
        self.name = name
        self.load = load


def test_component_is_found_by_kind_and_name():
    registry = Registry([])
    status = registry.add(scorer_plugin(Constant))
    assert status.error == ""
    assert status.hooks == ("register_scorers",)
    assert status.components == {"scorer": ["constant"]}
    assert registry.component("scorer", "constant") is Constant


def test_unknown_component_lists_what_is_there_and_what_is_near():
    registry = Registry([])
    registry.add(scorer_plugin(Constant))
    with pytest.raises(
        UnknownComponentError, match=r"'constent'; installed: constant \(did you mean constant\?\)"
    ):
        registry.component("scorer", "constent")


def test_two_packages_with_the_same_entry_point_name_are_both_loaded():
    other = type("Other", (Constant,), {"name": "other"})
    registry = Registry(
        [
            FakeEntryPoint("seechange-one", "mine", lambda: scorer_plugin(Constant)),
            FakeEntryPoint("seechange-two", "mine", lambda: scorer_plugin(other)),
        ]
    )
    assert sorted(registry.components("scorer")) == ["constant", "other"]
    assert [status.key for status in registry.plugins] == ["seechange-one:mine", "seechange-two:mine"]


@pytest.mark.parametrize("error", [ImportError("no module named thing"), SystemExit(1), SyntaxError("oops")])
def test_plugin_that_raises_at_import_becomes_a_row_and_stops_nothing(error):
    def broken():
        raise error

    registry = Registry(
        [
            FakeEntryPoint("bad", "bad", broken),
            FakeEntryPoint("good", "good", lambda: scorer_plugin(Constant)),
        ]
    )
    bad, good = registry.plugins
    assert type(error).__name__ in bad.error
    assert good.error == ""
    assert registry.component("scorer", "constant") is Constant
    with pytest.raises(UnknownComponentError, match="not available: bad cannot be imported"):
        registry.component("scorer", "of_the_bad_one")


def test_two_components_with_one_name_are_an_error_that_names_both_packages():
    twin = type("Twin", (Constant,), {})
    registry = Registry([])
    first = registry.add(scorer_plugin(Constant), package="seechange-one")
    second = registry.add(scorer_plugin(twin), package="seechange-two")
    third = registry.add(scorer_plugin(type("Third", (Constant,), {})), package="seechange-three")
    for status in (first, second, third):
        assert "seechange-one and seechange-two" in status.error
        assert not status.components.get("scorer")
    with pytest.raises(PluginError, match="seechange-one and seechange-two"):
        registry.component("scorer", "constant")


def test_calibrators_of_two_stages_may_share_a_name():
    class Astrometry(AstrometrySolver):
        """One."""

        name = "relative"
        version = "1.0"

        def solve(self, image, sources, first, stars):
            return first, {}

    class Photometry(PhotometrySolver):
        """Another."""

        name = "relative"
        version = "1.0"

        def solve(self, image, sources, mapping, stars, transformation):
            return None, {}

    class Plugin:
        @hookimpl
        def register_calibrators(self):
            return [Astrometry, Photometry]

    registry = Registry([])
    status = registry.add(Plugin())
    assert status.error == ""
    assert status.components == {"calibrator": ["relative"]}
    assert registry.component("calibrator", "relative", "photometry") is Photometry
    assert registry.components("calibrator", "astrometry") == {"relative": Astrometry}
    assert registry.all_components() == [Astrometry, Photometry]
    with pytest.raises(PluginError, match="stages astrometry and photometry are called 'relative'"):
        registry.component("calibrator", "relative")
    with pytest.raises(UnknownComponentError, match="no psf is called 'relative'"):
        registry.component("calibrator", "relative", "psf")


def test_misspelt_hook_is_an_error_with_a_suggestion():
    class Plugin:
        @hookimpl
        def register_scorer(self):
            return [Constant]

    status = Registry([]).add(Plugin())
    assert status.error == "unknown hook register_scorer (did you mean register_scorers?)"


def test_hook_with_an_unknown_argument_is_an_error():
    class Plugin:
        @hookimpl
        def register_scorers(self, colour):
            return []

    assert "colour" in Registry([]).add(Plugin()).error


def test_unknown_api_number_is_refused():
    future = type("Future", (Constant,), {"api": 99})
    registry = Registry([])
    status = registry.add(scorer_plugin(future))
    assert "api 99; this core speaks 1" in status.error
    assert registry.components("scorer") == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "Not Good"}, "lower case"),
        ({"version": "1"}, "major.minor"),
        ({"Params": dict}, "Params"),
    ],
)
def test_contract_is_checked(changes, message):
    status = Registry([]).add(scorer_plugin(type("Odd", (Constant,), changes)))
    assert message in status.error


def test_class_of_the_wrong_kind_is_refused():
    assert "no subclass of Scorer" in Registry([]).add(scorer_plugin(dict)).error


def test_registering_hook_that_raises_is_an_error_of_that_plugin_only():
    class Plugin:
        @hookimpl
        def register_scorers(self):
            raise RuntimeError("boom")

    assert "boom" in Registry([]).add(Plugin()).error


def test_what_an_observer_raises_is_logged_and_not_passed_on(caplog):
    heard = []

    class Bad:
        @hookimpl
        def step_finished(self, step):
            raise RuntimeError("boom")

    class Good:
        @hookimpl
        def step_finished(self, step, result):
            heard.append((step, result))

    registry = Registry([])
    registry.add(Good(), package="good")
    registry.add(Bad(), package="bad")
    registry.notify("step_finished", step="detection", result=1)
    assert heard == [("detection", 1)]
    assert "boom" in caplog.text


def test_plugins_add_commands():
    class Plugin:
        @hookimpl
        def register_commands(self, cli):
            cli.add_command(click.Command("extra"))

    group = click.Group()
    registry = Registry([])
    registry.add(Plugin())
    registry.add_commands(group)
    assert "extra" in group.commands


def test_every_installed_first_party_plugin_loads():
    registry = Registry()
    names = {status.package for status in registry.plugins}
    assert "seechange-core" in names
    assert [status for status in registry.plugins if status.error] == []
    assert names == {entry.dist.name for entry in metadata.entry_points(group="seechange")}


def test_calibrator_without_a_stage_is_refused():
    class Nowhere(Calibrator):
        """Belongs to no stage."""

        name = "nowhere"
        version = "1.0"

    assert "'nowhere' has no stage" in contract_problem(Nowhere, "calibrator")


@pytest.mark.parametrize("attribute", ["name", "version"])
def test_name_and_version_that_are_no_text_break_only_their_plugin(attribute):
    odd = type("Odd", (Constant,), {attribute: 1.0})
    assert Registry([]).add(scorer_plugin(odd)).error
