"""The unit's calibration: its file, and the correction of frames by it."""
