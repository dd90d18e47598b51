"""Each encoded picture is told with the moment that is in its own pixels."""

from __future__ import annotations

import subprocess
import time

import numpy as np
import pytest

from edge.clips.program import find_ffmpeg
from tests.doubles.network_camera.encoding import Encoded, VideoEncoder
from tests.doubles.network_camera.painting import painted
from tests.doubles.network_camera.timecode import read_codes
from tests.doubles.waiting import wait_until

NUM_PICTURES = 12


@pytest.mark.slow
@pytest.mark.parametrize(("codec", "form"), [("h264", "h264"), ("h265", "hevc")])
def test_a_picture_comes_out_with_its_own_time(codec: str, form: str) -> None:
    given: list[Encoded] = []
    encoder = VideoEncoder(codec, (1280, 720), 30.0, 0.2, given.append)
    for number in range(NUM_PICTURES):
        encoder.encode(painted(1280, 720, time.monotonic_ns(), number))
        wait_until(lambda number=number: len(given) > number)
    encoder.close()
    assert [encoded.seq for encoded in given] == list(range(NUM_PICTURES))
    command = [find_ffmpeg().path, "-v", "error", "-f", form, "-i", "pipe:0", "-vf", "scale=1920:1080"]
    command += [*find_ffmpeg().every_frame, "-pix_fmt", "rgb24", "-f", "rawvideo", "pipe:1"]
    done = subprocess.run(command, input=b"".join(encoded.data for encoded in given), capture_output=True, check=True)
    images = np.frombuffer(done.stdout, np.uint8).reshape(-1, 1080, 1920, 3)
    told = [(encoded.seq, encoded.taken_ns // 1000) for encoded in given]
    assert [(code.seq, code.taken_ns // 1000) for image in images if (code := read_codes(image)[1])] == told
