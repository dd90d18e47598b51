"""Clips, read and written by FFmpeg in processes of its own."""
