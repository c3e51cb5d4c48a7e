"""Where asteroids are seen."""
