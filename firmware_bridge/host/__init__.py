"""The unit's end of the line."""
