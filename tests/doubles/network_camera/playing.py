"""Plays the camera by a foreign program, FFmpeg, and reads what is in its pictures."""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass

import numpy as np

from edge.clips.program import find_ffmpeg
from tests.doubles.network_camera.painting import worst_difference
from tests.doubles.network_camera.timecode import Code, read_codes

_BYTES = 1920 * 1080 * 3
_GUARD_S = 180


@dataclass(frozen=True, slots=True)
class Played:
    """One decoded picture.

    Attributes:
        codes: the three copies of the time code.
        difference: see `worst_difference`.
        pts_s: FFmpeg's time of it.
        out_ns: when FFmpeg gave it.
    """

    codes: tuple[Code | None, Code | None, Code | None]
    difference: float | None
    pts_s: float
    out_ns: int

    @property
    def is_whole(self) -> bool:
        return self.codes[0] is not None and self.codes[0] == self.codes[1] == self.codes[2]

    @property
    def code(self) -> Code:
        found = self.codes[1]
        assert found is not None, "a whole picture"
        return found


def played(address: str, num_pictures: int, *options: str) -> list[Played]:
    """What FFmpeg decodes, scaled to 1080p; fewer where the stream ends."""
    program = find_ffmpeg()
    command = [program.path, "-v", "info", "-nostats", "-nostdin", "-fflags", "nobuffer", "-flags", "low_delay"]
    command += ["-analyzeduration", "500000", *options, "-i", address, "-frames:v", str(num_pictures)]
    command += ["-vf", f"{program.show_frames},scale=1920:1080", *program.every_frame]
    command += ["-t", str(_GUARD_S), "-pix_fmt", "rgb24", "-f", "rawvideo", "pipe:1"]
    # A pipe holds some hundred lines of its words, which are read at the end.
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None, "pipes were asked for"
        found = []
        while len(data := process.stdout.read(_BYTES)) == _BYTES:
            image = np.frombuffer(data, np.uint8).reshape(1080, 1920, 3)
            found.append((read_codes(image), worst_difference(image), time.monotonic_ns()))
        words = process.stderr.read().decode(errors="replace")
    times = [float(text) for text in re.findall(r"Parsed_showinfo.* pts_time:(-?[\d.]+)", words)]
    assert len(times) >= len(found), words[-2000:]
    return [
        Played(codes, difference, pts_s, out_ns)
        for (codes, difference, out_ns), pts_s in zip(found, times, strict=False)
    ]
