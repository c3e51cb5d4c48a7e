"""Drives units of work through plans: binds what steps ask for, runs them, saves what they make."""
