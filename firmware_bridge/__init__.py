"""The serial line to the microcontroller in the camera head."""
