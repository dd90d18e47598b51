"""Profiles that are too much work for a live picture, run on the picture that is held."""
