"""One run of the video process, from the unit's side."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from edge.basics.errors import DeviceMissing
from edge.basics.python_child import PACKAGES
from edge.basics.said import log_what_it_says
from edge.frames.shared_pool import SharedPool
from edge.gstreamer.child import gstreamer_environment
from edge.gstreamer.program import system_python
from edge.video.wire import packed, read_message

log = logging.getLogger(__name__)

PACKAGES_NEEDED = (
    "python3-gi gir1.2-gst-plugins-bad-1.0 gir1.2-gstreamer-1.0 gstreamer1.0-plugins-good gstreamer1.0-plugins-bad "
    "gstreamer1.0-nice"
)
_START = (
    "import runpy, sys; sys.path.append(sys.argv.pop(1)); "
    "runpy.run_module('edge.video.start', run_name='__main__', alter_sys=True)"
)
"""Behind what that Python has of its own it finds this program's modules; those that it loads need nothing else."""
HUNG_S = 10.0
"""It says each second that it lives."""
STARTING_S = 20.0
_PIPE_BYTES = 1 << 20
_END_S = 2.0


class VideoChild:
    """Started at once; `close` ends it.

    Args:
        num_bytes: of the memory for pictures.
        on_message: called in a thread of its own with each message; the last one is of the kind `gone`.

    Raises:
        DeviceMissing: it cannot be started.
    """

    def __init__(self, num_bytes: int, on_message: Callable[[dict[str, Any], bytes], None]) -> None:
        self._on_message = on_message
        self._writing = threading.Lock()
        self._heard_s, self._is_up, self._is_gone = time.monotonic(), False, False
        self._why = ""
        pool = SharedPool(num_bytes, 1)
        self.pictures = pool.piece(0)
        try:
            self._process = subprocess.Popen(
                [system_python(), "-I", "-B", "-c", _START, str(PACKAGES), str(pool.descriptor), str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[pool.descriptor],
                env=gstreamer_environment(),
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise DeviceMissing(f"the video process cannot be started: {error}") from error
        finally:
            pool.close()
        assert self._process.stdin is not None, "a pipe was asked for"
        os.set_blocking(self._process.stdin.fileno(), False)
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._process.stdin, getattr(fcntl, "F_SETPIPE_SZ", 1031), _PIPE_BYTES)
        assert self._process.stderr is not None, "a pipe was asked for"
        log_what_it_says(self._process.stderr, "video")
        threading.Thread(target=self._read, name="video-messages", daemon=True).start()

    @property
    def process_id(self) -> int:
        return self._process.pid

    @property
    def is_gone(self) -> bool:
        return self._is_gone

    @property
    def is_hung(self) -> bool:
        return time.monotonic() - self._heard_s > (HUNG_S if self._is_up else STARTING_S)

    @property
    def why_gone(self) -> str:
        """Its own word, or how it ended."""
        status = self._process.poll()
        if status is not None and status < 0:
            return self._why or f"it was ended by {signal.Signals(-status).name}"
        return self._why or f"it ended with status {status}"

    def tell(self, told: Mapping[str, Any]) -> None:
        """Send a message; one that does not take what it is told is ended."""
        content = packed(told)
        assert self._process.stdin is not None, "a pipe was asked for"
        with self._writing:
            try:
                num_written = os.write(self._process.stdin.fileno(), content)
            except (OSError, ValueError):  # its end is told by the reader
                num_written = 0
            if num_written < len(content):
                self._kill()

    def close(self) -> None:
        """End it and all that it started; what it was doing is lost."""
        self._kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _read(self) -> None:
        pipe = self._process.stdout
        assert pipe is not None, "a pipe was asked for"
        try:
            while (message := read_message(pipe)) is not None:
                self._heard_s, self._is_up = time.monotonic(), True
                if message[0].get("kind") == "lacks":
                    self._why = f"{message[0]['why']}; apt-get install {PACKAGES_NEEDED}"
                self._on_message(*message)
        except (ValueError, KeyError, TypeError) as error:  # it hears strangers: what it says may be anything
            self._why = f"its messages cannot be read: {error}"
        self.close()
        self._is_gone = True
        self._on_message({"kind": "gone"}, b"")
