"""Training of the enhancement networks."""
