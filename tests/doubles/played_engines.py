"""A supervisor with played processes and a clock of its own."""

from __future__ import annotations

import time
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np

from edge.basics.errors import DeviceMissing
from edge.config import Config, EngineConfig
from edge.engines.engine import Enhanced
from edge.engines.rungs import Rung
from edge.frames.frame import Frame
from edge.guard.answers import Opened
from edge.guard.order import engine_setup
from edge.guard.shared_frames import SharedFrames
from edge.guard.supervisor import Supervisor
from edge.health.news import Board, PartChanged
from edge.health.record import Health

SECOND = 1_000_000_000


class Played:
    """Plays `EngineProcess`; what the cast's `on_open` and `on_frame` give is raised, or changes the answer.

    False for `on_open`: it is still opening.
    """

    pid = 4711

    def __init__(self, order, cast):
        self.order, self._cast = order, cast
        self.opened = None
        self.is_closed = False
        self.num_proofs = 0
        self.strengths = []

    def poll_opened(self, timeout_s=0.0):
        found = self._cast.on_open(self.order.rung)
        if isinstance(found, Exception):
            raise found
        if found is not False and self.opened is None:
            rung = self.order.rung
            device = "gpu" if rung.runtime else "cpu"
            self.opened = Opened(rung.profile, self.order.sha256, device, **{"frame_ms": 20.0, **(found or {})})
        return self.opened

    def enhance(self, image, strength=1.0):
        self.strengths.append(strength)
        found = self._cast.on_frame(self.order.rung)
        if isinstance(found, Exception):
            raise found
        made = 255 - image if found is None else found
        if strength == 1:
            return Enhanced(made, {"invert": 1.0})
        return Enhanced(cv2.addWeighted(image, 1 - strength, made, strength, 0), {"invert": 1.0}, made)

    def take_late(self):
        return None

    def prove(self):
        self.num_proofs += 1
        found = self._cast.on_proof()
        if isinstance(found, Exception):
            raise found

    def close(self, wait_s=0.0):
        self.is_closed = True


class Stage:
    """A supervisor with played processes and a clock of its own."""

    def __init__(self, monkeypatch, backend="auto", profile="live", on_start=lambda rung: None, **options):
        self.now_ns = 1000 * SECOND
        clock = SimpleNamespace(monotonic_ns=lambda: self.now_ns, perf_counter=time.perf_counter)
        monkeypatch.setattr("edge.guard.supervisor.time", clock)
        self.on_start = on_start
        self.on_open = self.on_frame = lambda rung: None
        self.on_proof = lambda: None
        self.started = []
        board = Board()
        self.health, self.frames = Health(board), SharedFrames()
        self.events = []
        board.read(PartChanged, lambda news: self.events.append((news.state, news.reason)))
        setup = engine_setup(Config(engine=EngineConfig(backend=backend)))
        if profile != "live":  # one that needs a GPU, above the shipped one
            manifests = {**setup.manifests, profile: {**setup.manifests["live"], "profile": profile}}
            setup = replace(setup, rungs=(Rung(profile, backend), *setup.rungs), manifests=manifests)
        self.supervisor = Supervisor(setup, self.health, self.frames, start_process=self.start, **options)
        self.supervisor.start()
        self._scene = np.random.default_rng(0).integers(0, 255, (1080, 1920, 3), np.uint8)

    def start(self, order, frames):
        if error := self.on_start(order.rung):
            raise error
        self.started.append(Played(order, self))
        return self.started[-1]

    def show(self, number=1, every_s=0.1):
        """The modes of so many frames, `e` or `r`."""
        modes = ""
        for seq in range(number):
            self.now_ns += int(every_s * SECOND)
            raw = Frame(self._scene, seq, self.now_ns)
            made = self.supervisor.correct_and_enhance(raw)
            modes += (raw if made is None else self.supervisor.judge(raw, made)).mode[0]
        return modes

    @property
    def rung(self):
        return self.health.snapshot(0)["ladder"]["rung"]

    @property
    def engine(self):
        record = self.health.part("engine")
        return record.state, record.reason

    @property
    def open_processes(self):
        return [process for process in self.started if not process.is_closed]


def no_gpu(rung):
    return DeviceMissing("no TensorRT") if rung.runtime else None


AUTO = Config(engine=EngineConfig(threads=1))
