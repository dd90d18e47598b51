"""Clips of the live picture: encoded beside it, whole up to their last fragment whatever happens."""
