"""Numerics: arrays and frames in, arrays and frames out; usable alone."""
