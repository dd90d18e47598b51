"""The graph in fewer bits, and what that costs."""
