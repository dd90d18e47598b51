"""What runs a profile's network graph."""
