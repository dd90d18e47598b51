"""A network camera of our own: HTTP MJPEG and RTSP, a time code in its pictures, and faults on switches."""
