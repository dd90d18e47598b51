"""The camera head's microcontroller in the runtime."""
