"""The frame, the slot between two stages, and what a stage is."""
