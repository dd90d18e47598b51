"""Coded video out of the unit: WebRTC for weak networks, RTSP for recorders; one encoder a view for all who look."""
