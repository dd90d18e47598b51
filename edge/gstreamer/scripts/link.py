"""The child's end of the line to the program that started it, and how the child closes itself off."""

from __future__ import annotations

import array
import contextlib
import ctypes
import json
import mmap
import os
import resource
import select
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MAX_MESSAGE_BYTES = 64 * 1024
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38


class ProgramGone(Exception):
    """The other end hung up: there is nobody to work for."""


def close_off(parent: int) -> None:
    """End with the program, gain no rights, leave no core behind, in which pictures and addresses would lie."""
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    prctl(_PR_SET_NO_NEW_PRIVS, *map(ctypes.c_ulong, (1, 0, 0, 0)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(0o077)
    os.chdir("/")
    if os.getppid() != parent:  # it ended before the first line
        sys.exit(0)


class Link:
    """Messages in JSON, each whole (SOCK_SEQPACKET), some with a descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)

    def send(self, message: dict[str, Any]) -> None:
        """Raises `ProgramGone`."""
        try:
            self._socket.send(json.dumps(message).encode())
        except OSError as error:
            raise ProgramGone from error

    def receive(self, timeout_s: float) -> dict[str, Any] | None:
        """The next message, with a descriptor under `descriptor` where one came; None after the timeout.

        Raises:
            ProgramGone: the other end is closed.
        """
        if not self._poll.poll(max(0, timeout_s) * 1000):
            return None
        try:
            content, ancillary, _, _ = self._socket.recvmsg(MAX_MESSAGE_BYTES, socket.CMSG_SPACE(4))
        except OSError as error:
            raise ProgramGone from error
        if not content:
            raise ProgramGone
        message: dict[str, Any] = json.loads(content)
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors = array.array("i")
                descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
                message["descriptor"] = descriptors[0]
        return message

    def expect(self, kind: str, timeout_s: float) -> dict[str, Any]:
        """The first message, which must be of this kind.

        Raises:
            ProgramGone: it does not come.
        """
        message = self.receive(timeout_s)
        if message is None or message["is"] != kind:
            raise ProgramGone
        return message


class Mapped:
    """Shared memory, and where it lies in this process."""

    def __init__(self, descriptor: int, num_bytes: int) -> None:
        self._map = mmap.mmap(descriptor, num_bytes)
        os.close(descriptor)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self._map))


def begin(argv: Sequence[str]) -> Link:
    """The line to the program; `argv` is DESCRIPTOR PARENT."""
    descriptor, parent = map(int, argv[1:3])
    close_off(parent)
    return Link(descriptor)


def load_gstreamer(link: Link) -> Any:
    """`gi.repository.Gst`, ready for use; where there is none that is told, and the process ends."""
    try:
        import gi

        gi.require_version("Gst", "1.0")
        from gi.repository import Gst

        Gst.init(None)
    except Exception as error:  # noqa: BLE001  whatever keeps it from loading is the reason
        link.send({"is": "failed", "why": "absent", "reason": str(error) or type(error).__name__})
        sys.exit(0)
    return Gst


def run(work: Callable[[Link], None], argv: Sequence[str]) -> None:
    """Do the work until the program is gone. What else is raised is a traceback in the program's log."""
    with contextlib.suppress(ProgramGone):
        work(begin(argv))
    os._exit(0)  # a plug-in that hangs would keep Python's own end waiting
