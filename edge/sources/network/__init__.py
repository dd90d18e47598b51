"""Cameras on the network: MJPEG over HTTP, and RTSP; each picture with the time at which it was taken."""
