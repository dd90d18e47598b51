"""Cameras through GStreamer."""
