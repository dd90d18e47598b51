"""Edge runtime of the throat camera: capture, enhance, stream."""
