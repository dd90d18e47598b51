"""What a calibration looks like to a person."""
