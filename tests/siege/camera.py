"""The camera of a siege: a clip of the demo throat, which takes no more to read than a camera's stream does."""

from __future__ import annotations

import subprocess
from pathlib import Path

from edge.clips.program import find_ffmpeg
from edge.sources.demo.render import DemoRenderer

_DRAWN_S, _FPS = 5, 30


def camera_clip(path: Path, seconds: float) -> Path:
    """H.264 in 1920x1080 of a few seconds, again and again without another word to the encoder.

    Raises:
        InputOutputError: there is no FFmpeg.
    """
    words = [find_ffmpeg().path, "-v", "error", "-nostdin", "-y"]
    drawn = path.with_name(f"drawn-{path.name}")
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "1920x1080", "-r", str(_FPS), "-i", "pipe:0"]
    coded = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "26", "-pix_fmt", "yuv420p", str(drawn)]
    renderer = DemoRenderer(0, _FPS)
    with subprocess.Popen([*words, *raw, *coded], stdin=subprocess.PIPE) as encoder:
        assert encoder.stdin is not None, "a pipe"
        for index in range(_DRAWN_S * _FPS):
            encoder.stdin.write(renderer.degraded(index).tobytes())
    assert encoder.returncode == 0, "FFmpeg says why"
    more = str(int(seconds / _DRAWN_S))
    subprocess.run([*words, "-stream_loop", more, "-i", str(drawn), "-c", "copy", str(path)], check=True)
    drawn.unlink()
    return path
