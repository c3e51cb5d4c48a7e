"""Bringing images to one pixel grid."""
