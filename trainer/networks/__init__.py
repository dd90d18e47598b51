"""The networks that the trainer trains."""
