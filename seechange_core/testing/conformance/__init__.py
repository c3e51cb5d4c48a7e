"""What every plugin has to pass: one class of tests for each kind of component."""
