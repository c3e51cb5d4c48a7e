"""The chain's steps, one file a process: pure functions from products to products."""
