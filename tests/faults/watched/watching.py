"""The campaign's end of the watcher: what it saw, the saves that were told, and whether `/health` tells the same."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time

from tests.faults.program import REPOSITORY
from tests.faults.unit import Unit
from tests.faults.watched.invariants import Judge, disagrees
from tests.faults.watched.saved import SaveListener


class Watching:
    """The watcher's process, the listener for saves and a look at `/health` each second."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self.judge = Judge()
        self.lock = threading.Lock()
        self._stop = threading.Event()
        self.saves = SaveListener(unit.program.port)
        self._num_disagreed = 0
        command = [
            sys.executable,
            "-m",
            "tests.faults.watched.watcher",
            str(unit.program.port),
            str(unit.folder / "frames.npy"),
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY, text=True)
        self.records = (unit.folder / "watcher.jsonl").open("w")
        for work in (self._listen, self._ask_health):
            threading.Thread(target=work, daemon=True).start()
        self.saves.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None, "a pipe was asked for"
        for line in self._process.stdout:
            self.records.write(line)
            with self.lock:
                self.judge.take(json.loads(line))

    def _ask_health(self) -> None:
        while not self._stop.wait(1.0):
            asked_ns = time.monotonic_ns()
            health = self._unit.program.health(1.0)
            answered_ns = time.monotonic_ns()
            if health is None or self._stop.wait(0.45):
                continue
            with self.lock:
                disagreement = disagrees(health, self.judge.states[-60:], asked_ns, answered_ns)
                self._num_disagreed = self._num_disagreed + 1 if disagreement else 0
                if self._num_disagreed >= 2:
                    self.judge.violations.append((asked_ns, disagreement))

    def wait_back(self, end_ns: int, timeout_s: float) -> float | None:
        """Seconds until the first LIVE picture came that was taken after the end, None where none came.

        A press of the button has frozen the picture, for as long as a person wants: the freeze is ended, and the
        time counts from then.
        """
        deadline = time.monotonic() + timeout_s
        asked_at = 0.0
        while time.monotonic() < deadline:
            with self.lock:
                arrived_ns = self.judge.back_after(end_ns)
                state = self.judge.states[-1][1] if self.judge.states else ""
            if arrived_ns is not None:
                return (arrived_ns - end_ns) / 1e9
            if state == "frozen" and time.monotonic() - asked_at > 0.3:
                asked_at = time.monotonic()
                if self._unit.program.post("/api/live", 1.0):
                    end_ns = time.monotonic_ns()
            time.sleep(0.02)
        return None

    def wait_enhanced(self, end_ns: int, timeout_s: float) -> int | None:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            with self.lock:
                arrived_ns = self.judge.enhanced_after(end_ns)
            if arrived_ns is not None:
                return arrived_ns
            time.sleep(0.05)
        return None

    def close(self) -> None:
        self._stop.set()
        self.saves.stop()
        self._process.terminate()
        self._process.wait(5)
        self.records.close()
