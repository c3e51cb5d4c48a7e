"""The Dark Energy Camera for SeeChange."""
