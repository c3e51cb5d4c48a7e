"""Measuring what a difference image shows."""
