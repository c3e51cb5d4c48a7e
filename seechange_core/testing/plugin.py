"""The pytest plugin: options to test all that is installed, and to store the schemas of parameters."""

from __future__ import annotations

from pathlib import Path

import pytest

_INSTALLED = Path(__file__).parent / "installed.py"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the conformance tests."""
    group = parser.getgroup("seechange", "conformance tests of SeeChange's plugins")
    group.addoption(
        "--seechange-conformance",
        action="store_true",
        help="Test every component that is installed; choose with -k, for example -k 'subtractor and zogy'.",
    )
    group.addoption(
        "--seechange-update-schemas",
        action="store_true",
        help="Store the parameters of the components under test for their present versions.",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """With --seechange-conformance, leave out what a checkout of the core has configured for its own tests."""
    if early_config.known_args_namespace.seechange_conformance:
        early_config.known_args_namespace.confcutdir = str(_INSTALLED.parent)


def pytest_configure(config: pytest.Config) -> None:
    """With --seechange-conformance, collect the tests of what is installed in place of files."""
    if config.getoption("--seechange-conformance"):
        config.args[:] = [str(_INSTALLED)]
