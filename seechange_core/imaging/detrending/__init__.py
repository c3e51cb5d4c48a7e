"""From raw pixels to electrons: what the electronics and the optics did is taken out."""
