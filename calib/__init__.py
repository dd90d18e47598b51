"""Calibration capture tool of the camera unit."""
