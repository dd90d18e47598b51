"""GStreamer, as programs of their own run by the Python of the system."""
