"""Real pipelines: what they give, and each way in which one can end."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np
import psutil
import pytest

from edge.basics.errors import CameraLost, DeviceMissing, EdgeError, UsageError
from edge.gstreamer import child as child_module
from edge.gstreamer import program
from edge.gstreamer.program import NoGStreamer, gstreamer_words
from edge.guard.shared_frames import SharedFrames
from edge.sources.gstreamer import source as source_module
from edge.sources.gstreamer.source import GstSource
from edge.sources.open import SourceWish, open_wished
from tests.doubles.children import children_before, new_children  # noqa: F401 - a fixture
from tests.doubles.network_camera.timecode import Code, draw_code, is_of_one_moment, timecode_ns
from tests.doubles.waiting import GUARD_S

MS = 1_000_000
LIVE = "videotestsrc is-live=true pattern=ball ! video/x-raw,width=640,height=360,framerate=30/1"


@pytest.fixture(scope="module", autouse=True)
def gstreamer() -> str:
    try:
        return gstreamer_words()
    except EdgeError as error:
        pytest.skip(str(error))


@contextmanager
def opened(pipeline: str, *, is_patient: bool = True, **options) -> Iterator[GstSource]:
    """Args: is_patient: it is not lost because the machine lets the process or the test stand still for seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(child_module, "_END_S", float(GUARD_S))
        for limit in ("OPENING_S", "SILENCE_S") if is_patient else ():
            patch.setattr(source_module, limit, float(GUARD_S))
        source = open_wished(SourceWish(f"gst:{pipeline}"), **options)
        try:
            yield source
        finally:
            source.close()


@pytest.mark.parametrize("pixel_format", ["I420", "NV12", "YUY2", "RGB", "BGRx", "RGBA", "Y444", "I420_10LE", "GRAY8"])
def test_every_format_becomes_the_same_picture(pixel_format):
    """SMPTE's bars at 75 % by BT.601, as small pictures have them: white, yellow, cyan, green; grey is their luma."""
    size = "width=640,height=360,framerate=30/1"
    with opened(f"videotestsrc pattern=smpte75 ! video/x-raw,format={pixel_format},{size}") as source:
        row = source.read().image[300]
    shown = [tuple(int(level) for level in row[x]) for x in (140, 411, 686, 960)]
    bars = [(191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0)]
    if pixel_format == "GRAY8":
        bars = [(grey,) * 3 for grey in (180, 162, 131, 112)]
    assert max(abs(a - b) for one, bar in zip(shown, bars, strict=True) for a, b in zip(one, bar, strict=True)) <= 4


def test_pictures_of_the_units_size_are_written_straight_into_its_frames():
    frames = SharedFrames()
    pipeline = LIVE.replace("640", "1920").replace("360", "1080")
    with opened(pipeline, lend=frames.lend, shared=frames) as source:
        places = {frames.index_of(source.read().image) for _ in range(8)}
    assert None not in places


def test_a_live_pipelines_time_stamps_tell_the_age_of_the_light():
    held = "queue max-size-buffers=0 max-size-bytes=0 max-size-time=0 min-threshold-time=300000000"
    with opened(f"{LIVE} ! {held}") as source:
        ages_ms = [(time.monotonic_ns() - source.read().t_capture_ns) / MS for _ in range(8)]
        assert source.about()["clock"] == "the pipeline's time stamps"
    assert median(ages_ms) >= 200  # the queue lets the oldest go when it holds nine, and gets each a picture early


def feed(path: Path, stop: threading.Event) -> None:
    """Write pictures with a time code into a named pipe."""
    seq = 0
    with contextlib.suppress(BrokenPipeError), path.open("wb", buffering=0) as pipe:
        while not stop.wait(0.04):
            picture = np.full((360, 640), 90, np.uint8)
            seq += 1
            draw_code(picture, Code(time.monotonic_ns(), seq))
            content = memoryview(np.repeat(picture[..., None], 3, axis=2).tobytes())
            while content:
                content = content[pipe.write(content) :]


@pytest.fixture
def coded(tmp_path: Path) -> Iterator[Path]:
    """A named pipe of RGB pictures that say when they were made."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    stop = threading.Event()
    feeder = threading.Thread(target=feed, args=(path, stop), daemon=True)
    feeder.start()
    yield path
    stop.set()
    with contextlib.suppress(OSError):  # a feeder that still waits for a reader
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
    feeder.join(GUARD_S)


def test_the_told_age_is_the_true_one_by_a_time_code_in_the_picture(coded):
    """A pipe is no live source, so that arrival counts, which is never before the light and soon after it."""
    raw = "rawvideoparse format=rgb width=640 height=360 framerate=25/1"
    with opened(f"filesrc location={coded} blocksize=691200 ! {raw}") as source:
        told = []
        while len(told) < 12 or (median(told[-12:]) >= 400 and len(told) < 300):  # soon again on a busy machine
            frame = source.read()
            assert is_of_one_moment(frame.image)
            told.append((frame.t_capture_ns - timecode_ns(frame.image)) / MS)
        assert source.about()["clock"] == "arrival"
    assert min(told) >= 0
    assert median(told[-12:]) < 400


FAULTS = [
    pytest.param("videotestsrc ! !", UsageError, "gst:videotestsrc: the pipeline does not parse: ", id="syntax"),
    pytest.param("videotestsrc colour=red", UsageError, "no property", id="no such property"),
    pytest.param("videotestsrc ! fakesink", UsageError, "without a sink", id="it has a sink"),
    pytest.param("videotestsrc ! jpegenc", UsageError, "video/x-raw at its end", id="coded at its end"),
    pytest.param("videotestsrc ! nosuch", DeviceMissing, "no element 'nosuch'; apt-get install", id="no such element"),
    pytest.param("v4l2src device=/dev/video93", DeviceMissing, "gst:v4l2src: v4l2src0: ", id="no such device"),
    pytest.param("filesrc location=/none ! decodebin", DeviceMissing, "filesrc0: ", id="no such file"),
    pytest.param("videotestsrc num-buffers=0", DeviceMissing, "the pipeline has ended (EOS)", id="empty"),
    pytest.param(
        "videotestsrc ! video/x-raw,width=64 ! identity ! video/x-raw,width=32",
        UsageError,
        "could not link",
        id="caps that cannot be",
    ),
    pytest.param("videotestsrc ! video/x-raw,width=8192,height=64", DeviceMissing, "at most 4096", id="too wide"),
]  # fmt: skip


@pytest.mark.parametrize(("pipeline", "error", "words"), FAULTS)
def test_what_cannot_be_opened_is_one_line_and_leaves_nothing(pipeline, error, words):
    with pytest.raises(EdgeError) as raised, opened(pipeline):
        pass
    assert isinstance(raised.value, error), raised.value
    assert words in str(raised.value) and "\n" not in str(raised.value)
    assert not new_children()


def read_on(source: GstSource) -> None:
    while source.read() is not None:
        pass


TO_END = [
    pytest.param(f"{LIVE} ! identity eos-after=10", "has ended (EOS)", id="end"),
    pytest.param(f"{LIVE} ! identity error-after=10", "identity0: ", id="error"),
    pytest.param(
        f"concat name=c {LIVE.replace('is-live=true', 'num-buffers=12')} ! c. "
        "videotestsrc num-buffers=30 ! video/x-raw,width=320,height=180 ! c. c. ! identity",
        "the picture changed from 640x360",
        id="another size",
    ),
]


@pytest.mark.parametrize(("pipeline", "words"), TO_END)
def test_what_ends_is_a_lost_camera_in_one_line(pipeline, words):
    with opened(pipeline) as source:
        assert source.read() is not None
        with pytest.raises(CameraLost) as raised:
            read_on(source)
    assert words in str(raised.value) and "\n" not in str(raised.value)
    assert not new_children()


def stop_it(child: psutil.Process) -> None:
    child.suspend()


def kill_it(child: psutil.Process) -> None:
    child.kill()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("break_it", "words"),
    [(stop_it, "no picture from the pipeline for 2 s"), (kill_it, "gstreamer was ended by SIGKILL")],
    ids=["hangs", "killed"],
)
def test_a_process_that_hangs_or_is_killed_is_a_lost_camera(break_it: Callable[[psutil.Process], None], words: str):
    with opened(LIVE, is_patient=break_it is not stop_it) as source:
        assert source.read() is not None
        break_it(psutil.Process(source.child_pid))
        with pytest.raises(CameraLost, match=words):
            read_on(source)
    assert not new_children()


@pytest.mark.slow
def test_a_plug_in_that_hangs_at_the_start_is_waited_for_no_longer(monkeypatch, tmp_path):
    monkeypatch.setattr(source_module, "OPENING_S", 2.0)
    os.mkfifo(tmp_path / "nobody writes here")  # opening it waits for ever, within the change of state
    with pytest.raises(DeviceMissing, match="no picture for 2 s after it was opened"):
        open_wished(SourceWish(f'gst:filesrc location="{tmp_path}/nobody writes here" ! decodebin'))
    assert not new_children()


def test_a_picture_that_waited_while_all_stood_still_is_not_new():
    with opened(LIVE) as source:
        source.read()
        child = psutil.Process(source.child_pid)
        child.suspend()
        time.sleep(1.0)
        child.resume()
        frame = source.read()
        arrived_ns = time.monotonic_ns()
        seqs = [frame.seq, *(source.read().seq for _ in range(3))]
    assert frame.t_capture_ns < arrived_ns
    assert seqs == sorted(set(seqs))


def test_without_gi_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(program, "SYSTEM_PYTHON", Path(sys.executable))
    if subprocess.run([sys.executable, "-I", "-c", "import gi"], capture_output=True, check=False).returncode == 0:
        pytest.skip("this environment's Python has gi")
    with pytest.raises(NoGStreamer, match=r"No module named 'gi'.*apt-get install python3-gi"), opened(LIVE):
        pass
    with pytest.raises(NoGStreamer, match="apt-get install python3-gi"):
        gstreamer_words()
    monkeypatch.setattr(program, "SYSTEM_PYTHON", Path("/none/python3"))
    with pytest.raises(NoGStreamer, match="/none/python3 is missing"), opened(LIVE):
        pass


@pytest.mark.slow
def test_it_ends_with_the_program(tmp_path):
    code = (
        "import os, sys, time\nfrom edge.sources.gstreamer.source import GstSource\n"
        f"source = GstSource('gst:x', 'gst:x', {LIVE!r})\nsource.read()\n"
        "print(source.child_pid, flush=True)\ntime.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as running:
        child = psutil.Process(int(running.stdout.readline()))
        running.kill()
    child.wait(GUARD_S)
