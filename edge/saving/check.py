"""The line of `--check` about recording: by what, and how long it may go on."""

from __future__ import annotations

import shutil

from edge.basics.errors import InputOutputError
from edge.clips.encode import COPY
from edge.config import RecordingConfig, SaveConfig
from edge.health.disk import FULL_BYTES, disk_state, nearest
from edge.saving.recording.encoders import find_encoder

_FRAME_BYTES, _JPEG_FRAME_BYTES = 90_000, 300_000
"""Of a 1080p frame of the demo with its noise, by H.264 and by Motion-JPEG; docs/results.md."""


def recording_line(recording: RecordingConfig, save: SaveConfig) -> str:
    """Encoder, views and room.

    Raises:
        InputOutputError: nothing can be recorded, and why.
    """
    encoder = find_encoder()
    state, _, reason = disk_state(save.path)
    if state == "failed":
        raise InputOutputError(reason)
    free = shutil.disk_usage(nearest(save.path)).free - FULL_BYTES
    room = min(free, save.limit_gib * 2**30) if save.limit_gib else free
    frame_bytes = _JPEG_FRAME_BYTES if encoder.format.encoder == COPY else _FRAME_BYTES
    minutes = room / (frame_bytes * recording.fps * len(recording.views) * 60)
    before = f", {recording.before_s} s before from memory" if recording.before_s else ""
    return f"{encoder.format.told}, {' and '.join(recording.views)}{before}; room for about {minutes:.0f} minutes"
