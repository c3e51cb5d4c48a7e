"""The light of the sky: its level, its noise, and where sources cover it."""
