"""Pictures coded by FFmpeg, decoded one by one: each comes at once, of the right colour and shape, or as damaged."""

from __future__ import annotations

import contextlib
import queue
import subprocess

import numpy as np
import pytest

from edge.basics.errors import InputOutputError
from edge.clips import live_decoder
from edge.clips.live_decoder import LiveDecoder
from edge.clips.process import FfmpegFailed
from edge.clips.program import find_ffmpeg
from tests.doubles.waiting import GUARD_S


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit gives up an FFmpeg that takes or gives nothing for two seconds; a busy machine may hold it up longer."""
    monkeypatch.setattr(live_decoder, "_WAIT_S", GUARD_S)
    monkeypatch.setattr(live_decoder, "_PROBE_S", GUARD_S)


def coded(source: str, *options: str, num: int = 6) -> list[bytes]:
    """Access units of H.264, cut at their delimiters."""
    command = [find_ffmpeg().path, "-v", "error", "-f", "lavfi", "-i", source, "-frames:v", str(num), *options]
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "100", "-threads", "1"]
    done = subprocess.run(
        [*command, "-bsf:v", "h264_metadata=aud=insert", "-f", "h264", "-"], capture_output=True, check=True
    )
    delimiter = b"\0\0\0\1\x09"
    return [delimiter + unit for unit in done.stdout.split(delimiter)[1:]]


class Decoded:
    """A decoder and what it gave."""

    def __init__(self, units: list[bytes], codec: str = "H264") -> None:
        self.given: queue.Queue[tuple[int, np.ndarray | None]] = queue.Queue()
        self.decoder = LiveDecoder(
            codec, b"", units[0], lambda index, image: self.given.put((index, image)), lambda _: None
        )

    def __enter__(self) -> Decoded:
        return self

    def __exit__(self, *_: object) -> None:
        self.decoder.close()

    def next(self) -> tuple[int, np.ndarray | None]:
        return self.given.get(timeout=GUARD_S)


def test_each_picture_comes_before_the_next_one_goes_in():
    units = coded("testsrc2=s=160x96:r=25")
    with Decoded(units) as decoded:
        for number, unit in enumerate(units):
            decoded.decoder.feed(unit, is_key=number == 0)
            index, image = decoded.next()
            assert index == number
            assert image.shape == (96, 160, 3)
        assert decoded.decoder.num_waiting == 0


@pytest.mark.parametrize(
    ("source", "options", "size_px", "red"),
    [
        pytest.param(
            "color=c=red:s=160x96:r=25", ("-vf", "scale=out_color_matrix=smpte170m"), (160, 96), 254, id="601"
        ),
        pytest.param("color=c=red:s=1280x96:r=25", ("-vf", "scale=out_color_matrix=bt709"), (1280, 96), 254, id="709"),
        pytest.param("color=c=red:s=90x96:r=25", ("-vf", "setsar=16/9"), (160, 96), 254, id="wide pixels"),
    ],
)
def test_colours_and_shape_are_those_of_the_stream(source, options, size_px, red):
    units = coded(source, *options)
    with Decoded(units) as decoded:
        decoded.decoder.feed(units[0], is_key=True)
        _, image = decoded.next()
        assert (image.shape[1], image.shape[0]) == size_px
        assert np.abs(image[48, 40].astype(int) - (red, 0, 0)).max() <= 4


def test_interlaced_pictures_come_as_full_frames_with_their_numbers():
    units = coded("testsrc2=s=160x96:r=50", "-vf", "interlace", "-flags", "+ildct+ilme", num=8)
    with Decoded(units) as decoded:
        assert decoded.decoder.facts.is_interlaced
        for number, unit in enumerate(units):
            decoded.decoder.feed(unit, is_key=number == 0)
        assert [decoded.next()[0] for _ in range(len(units) - 1)] == list(range(len(units) - 1))


def test_damage_taints_all_up_to_the_next_key_picture():
    units = coded("testsrc2=s=320x192:r=25", num=12)
    key = units[0]
    broken = bytearray(units[3])
    broken[len(broken) // 2 :] = bytes(255 - byte for byte in broken[len(broken) // 2 :])
    fed = [*units[:3], bytes(broken), *units[4:8], key, *units[1:4]]
    with Decoded(units) as decoded:
        is_sound: dict[int, bool] = {}
        for number, unit in enumerate(fed):
            decoded.decoder.feed(unit, is_key=number in (0, 8))
            with contextlib.suppress(queue.Empty):  # of what is damaged the decoder may give nothing at all
                while number not in is_sound:
                    index, image = decoded.given.get(timeout=2 if 3 <= number < 8 else GUARD_S)
                    is_sound[index] = image is not None
        assert [number for number in range(len(fed)) if is_sound.get(number)] == [0, 1, 2, 8, 9, 10, 11]


@pytest.mark.parametrize("first", [b"", b"nonsense" * 40, b"\0\0\0\1\x67" + bytes(100)])
def test_what_is_no_picture_is_refused(first):
    with pytest.raises(InputOutputError, match="cannot be decoded"):
        LiveDecoder("H264", b"", first, lambda *_: None, lambda _: None)


def test_a_decoder_that_was_killed_says_so():
    units = coded("testsrc2=s=160x96:r=25")
    with Decoded(units) as decoded:
        decoded.decoder._run._child.kill()
        decoded.decoder._run._child.wait()
        with pytest.raises(FfmpegFailed, match="ended while it decoded"):
            for unit in units * 100:
                decoded.decoder.feed(unit, is_key=False)
