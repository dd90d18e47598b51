"""From a checkpoint to a profile's graph."""
