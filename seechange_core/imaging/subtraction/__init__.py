"""What differences of two images share, whatever their algorithm."""
