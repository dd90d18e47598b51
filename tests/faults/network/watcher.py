"""Reads the raw stream as a viewer does and writes down what each picture shows, a JSON line each; its own process."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from typing import Any

import cv2
import simplejpeg

from tests.doubles.network_camera.painting import worst_difference
from tests.doubles.network_camera.timecode import read_codes
from tests.faults.watched.pictures import banner_of
from tests.faults.watched.watcher import RECONNECT_S, Part, Stream

VIEW = "raw&fps=15"


class Watch:
    """Receives in one thread and reads pixels in another, the newest picture first."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._newest: Part | None = None
        self._changed = threading.Condition()

    def run(self) -> None:
        threading.Thread(target=self._read_pixels, daemon=True).start()
        while True:
            with contextlib.suppress(OSError, ValueError):
                stream = Stream(self._port, VIEW)
                try:
                    for part in stream.parts():
                        with self._changed:
                            self._newest = part
                            self._changed.notify()
                finally:
                    stream.close()
            time.sleep(RECONNECT_S)

    def _read_pixels(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._newest is not None)
                part, self._newest = self._newest, None
            assert part is not None, "waited for"
            sys.stdout.write(json.dumps(record_of(part)) + "\n")
            sys.stdout.flush()


def record_of(part: Part) -> dict[str, Any]:
    """`taken_ns` of the three copies of the time code, from the top; `difference` in levels from what was taken."""
    record = {"at_ns": part.last_ns, "sent_ms": part.sent_ms, "told_age_ms": part.told_age_ms}
    try:
        image = simplejpeg.decode_jpeg(part.body, "RGB")
    except ValueError:
        return {**record, "state": "unreadable", "taken_ns": [None] * 3, "difference": None}
    state, _ = banner_of(cv2.resize(image, (960, 540), interpolation=cv2.INTER_AREA))
    taken_ns = [None if code is None else code.taken_ns for code in read_codes(image)]
    return {**record, "state": state, "taken_ns": taken_ns, "difference": worst_difference(image)}


if __name__ == "__main__":
    with contextlib.suppress(OSError):  # a watcher that waits for a core would miss pictures
        os.nice(-15)
    Watch(int(sys.argv[1])).run()
