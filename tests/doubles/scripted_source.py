"""Sources that do what a test says."""

import threading
import time

import numpy as np

from edge.frames.frame import Frame
from tests.doubles.waiting import GUARD_S

IMAGE = np.zeros((1080, 1920, 3), np.uint8)
IMAGE.flags.writeable = False


class ScriptedSource:
    """Gives the scripted items.

    A number is a frame of that seq, an exception is raised, and then it waits to be closed.
    """

    uri, fps, paced = "scripted:", 30.0, True

    def __init__(self, *script, mode="1920x1080 demo"):
        self._script = list(script)
        self._closed = threading.Event()
        self.camera_mode = mode

    @property
    def is_closed(self):
        return self._closed.is_set()

    def read(self):
        if not self._script:
            self._closed.wait(GUARD_S)
            return None
        item = self._script.pop(0)
        if isinstance(item, Exception):
            raise item
        return Frame(IMAGE, item, time.monotonic_ns())

    def close(self):
        self._closed.set()


def opener(*sources):
    """Opens one after the other; one that is an error is raised."""
    queue = list(sources)

    def open_source(uri):
        found = queue.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    return open_source
