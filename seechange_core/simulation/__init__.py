"""Scenes with known truth, seen through a camera."""
