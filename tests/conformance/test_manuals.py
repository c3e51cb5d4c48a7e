"""Each class of tests has the page that its failures name, and that page lists its checks."""

from __future__ import annotations

import inspect

import pytest

from seechange_core import testing
from tests.api.listing import ROOT


@pytest.mark.parametrize("name", testing.__all__)
def test_page_that_failures_name_lists_the_checks(name: str) -> None:
    tests = getattr(testing, name)
    page = (ROOT / tests.manual).read_text("utf-8")
    assert f".. autoclass:: {tests.__module__}.{name}" in page


@pytest.mark.parametrize("name", testing.__all__)
def test_every_check_says_what_it_is_for(name: str) -> None:
    tests = getattr(testing, name)
    checks = [value for key, value in inspect.getmembers(tests) if key.startswith("test_") and value]
    assert len(checks) > 12
    assert [check.__name__ for check in checks if not check.__doc__] == []
