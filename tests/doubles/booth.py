"""A recorder and what feeds it: a camera with irregular times, a store in a folder, and ffprobe to look at clips."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from edge.config import RecordingConfig, SaveConfig
from edge.frames.frame import Frame, FramePair
from edge.health.news import Board, NotSaved, RecordingChanged, Removed
from edge.health.record import Health
from edge.health.state import EngineFacts
from edge.pictures.image import Image
from edge.saving.at_rest import PLAIN, AtRest
from edge.saving.recording.opening import NotRecorded
from edge.saving.recording.recorder import Recorder
from edge.saving.recording.tape import View
from edge.saving.store import Store
from tests.doubles.waiting import GUARD_S

MODEL = "ab" * 32
WIDTH_PX, HEIGHT_PX = 320, 180


class Booth:
    """Attributes: taken_ns: capture times of what was published; news: of recordings; refused: why not saved."""

    def __init__(
        self,
        folder: Path,
        *,
        session: dict[str, str] | None = None,
        limit_gib: float = 0.0,
        size_px: tuple[int, int] = (WIDTH_PX, HEIGHT_PX),
        at_rest: AtRest = PLAIN,
        **settings: Any,
    ) -> None:
        self.folder, self.session = folder, session
        self.board = Board()
        self.health = Health(self.board)
        self.health.set_source("demo:")
        self.health.set_engine(EngineFacts("live", MODEL, "cpu", "student", "1"))
        self.news: list[RecordingChanged] = []
        self.removed: list[Removed] = []
        self.refused: list[str] = []
        self.board.read(RecordingChanged, self.news.append)
        self.board.read(Removed, self.removed.append)
        self.board.read(NotSaved, lambda news: self.refused.append(news.reason))
        self.store = Store(SaveConfig(folder=str(folder), limit_gib=limit_gib), self.board, at_rest)
        config = RecordingConfig(**{"fps": 60.0, **settings})
        self.recorder = Recorder(config, self.store, self.health, self.board, lambda: self.session)
        self.store.running, self.store.on_full = self.recorder.running, self.recorder.end_full
        self.store.unwritten = self.recorder.unwritten
        self.taken_ns: list[int] = []
        self.is_raw = False
        self._noise: Image = np.random.default_rng(5).integers(0, 256, (*size_px[::-1], 3), np.uint8)
        self._draw = Random(7)
        self._stop = threading.Event()
        self._camera: threading.Thread | None = None
        self.recorder.start()

    def show(self, *, late_s: float = 0.0) -> FramePair:
        """Publish one pair, taken `late_s` ago."""
        now_ns = time.monotonic_ns()
        image = np.roll(self._noise, len(self.taken_ns) * 5, axis=1)
        raw = Frame(image, len(self.taken_ns), now_ns - int(late_s * 1e9))
        self.health.captured(raw, now_ns)
        model = {"name": "student", "profile": "live", "sha256": MODEL, "device": "cpu"}
        made = raw if self.is_raw else raw.enhanced(255 - image, "live", {"engine": 1.0}, model=model)
        pair = FramePair(raw, made)
        self.taken_ns.append(raw.t_capture_ns)
        self.recorder.publish(pair)
        return pair

    def roll(self, late_s: float = 0.0) -> None:
        """Publish about 25 pairs a second, irregularly, until `cut`."""
        self.cut()
        self._stop.clear()

        def run() -> None:
            while not self._stop.wait(self._draw.uniform(0.025, 0.055)):
                self.show(late_s=late_s)

        self._camera = threading.Thread(target=run, name="test-camera")
        self._camera.start()
        wait_until(lambda: len(self.taken_ns) > 2)

    def cut(self) -> None:
        self._stop.set()
        if self._camera is not None:
            self._camera.join()
            self._camera = None

    def begin(self, views: Sequence[View] = (), *, before: bool = False) -> dict[str, Any]:
        """As the recorder's, as soon as a picture is live: a machine may stand still for longer than one is."""
        begun: list[dict[str, Any]] = []

        def has_begun() -> bool:
            try:
                begun.append(self.recorder.begin(views, before=before))
            except NotRecorded as error:
                if not re.search("is not live|of this patient session yet", str(error)):
                    raise
            return bool(begun)

        wait_until(has_begun)
        return begun[0]

    def wait_recorded(self, seconds: float) -> None:
        """Until so much of the recording is on the disk."""
        wait_until(lambda: (self.recorder.state() or {"seconds": seconds})["seconds"] >= seconds)

    def wait_frames(self, num: int) -> None:
        """Until so many frames of each view are on the disk, however few a busy machine takes in a second."""
        recording = self.recorder._current.recording
        assert recording is not None
        wait_until(lambda: all(clip.num_frames >= num for clip in recording._clips.values()))

    def record(self, name: str) -> dict[str, Any]:
        """The JSON beside a recording."""
        found: dict[str, Any] = json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))
        return found

    def close(self) -> None:
        self.cut()
        self.recorder.close()
        self.store.close()


def wait_until(is_so: Any, within_s: float = GUARD_S) -> None:
    end = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


HAS_FFPROBE = shutil.which("ffprobe") is not None


def probed(path: Path) -> dict[str, Any]:
    """What ffprobe says of a clip: `format`, and `packets` with their times; each frame is decoded."""
    asked = ["ffprobe", "-v", "error", "-count_frames", "-show_format", "-show_streams", "-show_packets", "-of", "json"]
    done = subprocess.run([*asked, str(path)], capture_output=True, text=True, check=True, timeout=120)
    assert not done.stderr, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def times_s(path: Path) -> list[float]:
    """When each frame of a clip is shown, which must all be decoded."""
    found = probed(path)
    times = [float(packet["pts_time"]) for packet in found["packets"]]
    assert int(found["streams"][0]["nb_read_frames"]) == len(times), "a frame that cannot be decoded"
    return times
