"""What calibrators have to pass: one class of tests for each stage."""
