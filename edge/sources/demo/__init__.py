"""The synthetic throat, and the bench of a camera unit with known faults."""
