"""Finding and measuring sources on one image."""
