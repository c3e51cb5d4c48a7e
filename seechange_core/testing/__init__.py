"""Fixtures and tests for people who write plugins; pytest loads them."""
