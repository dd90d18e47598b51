"""Speed of what runs on the unit."""
