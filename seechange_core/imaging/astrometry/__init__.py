"""Which star is which, and the mapping of pixels to the sky."""
