"""Fixtures and tests for people who write plugins; pytest loads them."""

from __future__ import annotations

import pytest

# So that a failing test of a base class says what differs, as in any other file of tests.
pytest.register_assert_rewrite("seechange_core.testing.subtractor_tests")
