"""From pictures to a calibration."""
