"""Who does the pieces of a run."""
