"""A screen at the unit itself."""
