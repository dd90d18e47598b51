"""RTSP for recorders: the views as H.264 over RTP, at the camera's own times (RFC 2326, 3550, 6184)."""
