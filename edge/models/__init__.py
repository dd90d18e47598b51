"""What a profile is: its graphs, its manifest, and the bundle that it travels in."""
