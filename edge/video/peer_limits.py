"""When a WebRTC viewer counts as gone. Loaded in the video process as well."""

from __future__ import annotations

SILENT_S = 8.0
"""A viewer of whom nothing was heard for so long is gone; browsers report each second (RFC 3550, 6.2)."""
CONNECT_WITHIN_S = 15.0
