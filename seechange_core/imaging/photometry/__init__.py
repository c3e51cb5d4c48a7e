"""Zero points from stars of known magnitude."""
