"""No password is printed or stored, whichever way it came."""

from __future__ import annotations

import pytest

from seechange_core.profile.concealing import concealed


@pytest.mark.parametrize(
    "text",
    [
        "seechange process --set database.password=hunter2 a.fits",
        "--set 'database.password = hunter2'",
        "database.url=postgresql://me:hunter2@host/survey",
        "{'password': 'hunter2'}",
        "PASSWORD=hunter2",
    ],
)
def test_password_is_concealed(text):
    assert "hunter2" not in concealed(text)
    assert "********" in concealed(text)


@pytest.mark.parametrize(
    "text", ["postgresql://me@host/survey", "sqlite:////data/a.db", "C1 done at photocal: 5 stars", "a@b: c"]
)
def test_everything_else_is_left_alone(text):
    assert concealed(text) == text
