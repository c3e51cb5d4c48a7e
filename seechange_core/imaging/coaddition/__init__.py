"""Adding aligned images."""
