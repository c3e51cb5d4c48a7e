"""The page that tells an operator how a night went."""
