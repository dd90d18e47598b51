"""What the unit answers as an API, and the description of it that it serves."""
