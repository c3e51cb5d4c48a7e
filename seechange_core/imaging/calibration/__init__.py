"""Making calibration frames, and what they tell about a detector."""
