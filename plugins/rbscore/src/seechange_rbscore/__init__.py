"""A classifier of real and bogus detections for SeeChange."""
