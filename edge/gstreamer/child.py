"""A GStreamer process: started, spoken to, and ended with all that it started."""

from __future__ import annotations

import array
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import threading
from collections.abc import Mapping
from typing import Any

from edge.basics.errors import DeviceMissing
from edge.basics.python_child import child_environment
from edge.basics.said import log_what_it_says
from edge.basics.texts import json_from_text
from edge.gstreamer.program import SCRIPTS, system_python

_MAX_MESSAGE_BYTES = 64 * 1024
_END_S = 1.0
_NOT_SEEN = ("GST_DEBUG_FILE", "GST_DEBUG_DUMP_DOT_DIR", "GST_TRACERS")
"""Files in which addresses and what they hide would be written down."""

Message = Mapping[str, Any]


class ChildGone(DeviceMissing):
    """The process ended, or says what it must not."""


class GstChild:
    """One of `edge/gstreamer/scripts` in a process of its own. Thread-safe.

    It gets a session of its own, so that the terminal's Ctrl-C is the program's alone to hear and all that it starts
    ends with it; no descriptor but its line; and nothing in its arguments that somebody could read there.

    Args:
        script: name of the file.
        who: begins its lines in the log.

    Raises:
        NoGStreamer: the system has no Python.
        ChildGone: it cannot be started.
    """

    def __init__(self, script: str, who: str) -> None:
        self._who = who
        self._closing = threading.Lock()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket: socket.socket | None = ours
        ours.setblocking(False)
        command = [system_python(), "-I", "-B", str(SCRIPTS / script), str(theirs.fileno()), str(os.getpid())]
        try:
            self._process = subprocess.Popen(
                command,
                env=gstreamer_environment(),
                cwd="/",
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise ChildGone(f"{command[0]} cannot be started: {error.strerror or error}") from error
        finally:
            theirs.close()
        assert self._process.stderr is not None, "it was asked for"
        log_what_it_says(self._process.stderr, who)

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, message: Message, descriptor: int | None = None) -> None:
        """Say something; to one that has ended it is said in vain, and `receive` tells its last words.

        Raises:
            ChildGone: it was closed here, or takes nothing any more.
        """
        line = self._socket
        if line is None:
            raise ChildGone(f"{self._who} was ended")
        ancillary = [] if descriptor is None else [
            (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]).tobytes())
        ]  # fmt: skip
        try:
            line.sendmsg([json.dumps(message).encode()], ancillary)
        except BlockingIOError as error:
            raise ChildGone(f"{self._who} hears nothing any more") from error
        except (BrokenPipeError, ConnectionError):
            return
        except OSError as error:
            raise ChildGone(f"{self._who} cannot be spoken to: {error.strerror or error}") from error

    def receive(self, timeout_s: float) -> Message | None:
        """The next message; None after the timeout, or once closed.

        Raises:
            ChildGone: it has ended, or says what is no message.
        """
        line = self._socket
        if line is None:
            return None
        try:
            poll = select.poll()
            poll.register(line, select.POLLIN)
            if not poll.poll(timeout_s * 1000):
                return None
            try:
                content = line.recv(_MAX_MESSAGE_BYTES)
            except ConnectionResetError:  # it ended before it heard all; what it said before is still to be had
                content = line.recv(_MAX_MESSAGE_BYTES)
        except (OSError, ValueError) as error:
            if self._socket is None:
                return None
            raise ChildGone(self._ended()) from error
        if not content:
            if self._socket is None:
                return None
            raise ChildGone(self._ended())
        try:
            message = json_from_text(content)
        except ValueError as error:
            raise ChildGone(f"{self._who} says what is no message") from error
        if not isinstance(message, dict) or not isinstance(message.get("is"), str):
            raise ChildGone(f"{self._who} says what is no message")
        return message

    def close(self) -> None:
        """End it and all that it started; safe to call twice, and from another thread to end a waiting `receive`."""
        with self._closing:
            line, self._socket = self._socket, None
            if line is not None:
                with contextlib.suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)  # wakes who waits for it
                line.close()
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_S)

    def _ended(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
        status = self._process.returncode
        if status is not None and status < 0:
            return f"{self._who} was ended by {signal.Signals(-status).name}"
        return f"{self._who} has ended" if not status else f"{self._who} ended with status {status}"


def gstreamer_environment() -> dict[str, str]:
    """For a process that loads GStreamer."""
    kept = {name: value for name, value in child_environment().items() if name not in _NOT_SEEN}
    state = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if state:  # a service's user has no home for the list of plug-ins, which takes seconds to make
        kept.setdefault("GST_REGISTRY", f"{state}/gstreamer-registry.bin")
    return {**kept, "GST_DEBUG_NO_COLOR": "1"}
