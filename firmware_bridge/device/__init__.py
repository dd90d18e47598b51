"""The camera head's end of the line, for tests and the simulator."""
