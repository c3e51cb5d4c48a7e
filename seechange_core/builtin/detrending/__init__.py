"""The standard corrections, from raw pixels to electrons with variance and mask; one file each."""
