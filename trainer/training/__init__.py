"""The loop, and what a run keeps."""
