"""Where the output judge's limits come from."""
