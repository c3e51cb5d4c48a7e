"""The point-spread function: measured, drawn, and fitted to sources."""
