"""The process that reads DICOM for this program: started once, used for many files, replaced where it dies or hangs."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import IO, Any, BinaryIO

from edge.basics.errors import InputOutputError
from edge.basics.texts import json_from_text
from edge.confining.alone import started_alone
from edge.confining.program import default_memory_bytes
from edge.pictures.reading.picture_file import DamagedPicture, PictureRefused

_log = logging.getLogger(__name__)

_HEAD, _ORDER = struct.Struct("<IQ"), struct.Struct("<I")
_MOST_TEXT_BYTES = 16 << 20
_CHUNK_BYTES = 1 << 20
_START_S, _END_S, _ENDS_BY_ITSELF_S = 120.0, 5.0, 0.2


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may take.

    Attributes:
        seconds: for its header, a frame, or the next part of a stream.
        cpu_s: of processor time.
        memory_bytes: of the process, in all.
        inflated_bytes: a file that is deflated as a whole.
    """

    seconds: float = 120.0
    cpu_s: int = 90
    memory_bytes: int = field(default_factory=default_memory_bytes)
    inflated_bytes: int = 1 << 30


class ReaderProcess:
    """The process; thread-safe, one question at a time. It is started by the first, and closed by `close`.

    Attributes:
        pid: of the one that runs; 0 where none does.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.pid = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._lock = threading.Lock()
        self._holds: object = None

    def ask(
        self, owner: object, file: BinaryIO, name: str, order: Mapping[str, Any], into: IO[bytes] | bytearray | None
    ) -> Mapping[str, Any]:
        """What is said of a file.

        Args:
            owner: whose file it is; while nobody else asks, it stays open there.
            file: open to be read.
            name: what errors call it.
            order: `{"ask": ...}`.
            into: where the bytes go that come with it; a bytearray is filled and must be as long as they are.

        Raises:
            DamagedPicture: something in the file is broken, or ends the process.
            PictureRefused: it is of a kind that is not read, or takes too much.
                InputOutputError: no process can be started, or two were killed.
        """
        with self._lock:
            begin = into.tell() if into is not None and not isinstance(into, bytearray) else 0
            try:
                return self._tried(owner, file, name, order, into)
            except _Killed:
                _log.warning("what reads DICOM was ended by SIGKILL; another tries the same file")
            if into is not None and not isinstance(into, bytearray):
                into.seek(begin)
                into.truncate()
            try:
                return self._tried(owner, file, name, order, into)
            except _Killed as error:
                raise InputOutputError(
                    f"{name}: its reader was ended by SIGKILL, twice (most often memory: the kernel's log says so); "
                    "free memory, then give the file again"
                ) from error

    def _tried(
        self, owner: object, file: BinaryIO, name: str, order: Mapping[str, Any], into: IO[bytes] | bytearray | None
    ) -> Mapping[str, Any]:
        """As `ask`, once; raises _Killed where somebody else killed the process."""
        try:
            if self._process is None:
                self._start()
            if order["ask"] == "facts" or self._holds is not owner:
                self._holds = None
                facts = self._asked(name, {"ask": "facts"}, file, None)
                self._holds = owner
                if order["ask"] == "facts":
                    return facts
            return self._asked(name, order, None, into)
        except _Ended as error:
            is_killed = not str(error) and self._was_killed()
            ended = self._end()
            if is_killed:
                raise _Killed from error
            raise DamagedPicture(f"{name}: damaged DICOM: {str(error) or ended}; fetch the file again") from error
        except (PictureRefused, InputOutputError):
            raise
        except BaseException:  # Ctrl-C within an answer: what follows of it is nobody's
            self._end()
            raise

    def close(self) -> None:
        """End it; it is started again where somebody asks."""
        with self._lock:
            self._end()

    def _asked(
        self, name: str, order: Mapping[str, Any], file: BinaryIO | None, into: IO[bytes] | bytearray | None
    ) -> Mapping[str, Any]:
        assert self._line is not None, "it runs"
        text = json.dumps(order).encode()
        try:
            self._line.settimeout(self.limits.seconds)
            socket.send_fds(self._line, [_ORDER.pack(len(text))], [] if file is None else [file.fileno()])
            self._line.sendall(text)
        except OSError as error:
            raise _Ended from error
        return self._answer(name, into)

    def _answer(self, name: str, into: IO[bytes] | bytearray | None, seconds: float | None = None) -> Mapping[str, Any]:
        within_s = self.limits.seconds if seconds is None else seconds
        size, num_bytes = _HEAD.unpack(b"".join(self._received(_HEAD.size, within_s)))
        if size > _MOST_TEXT_BYTES:
            raise _Ended("its reader said nonsense")
        try:
            about = json_from_text(b"".join(self._received(size, within_s)))
        except (ValueError, RecursionError) as error:
            raise _Ended("its reader said nonsense") from error
        if not isinstance(about, dict):
            raise _Ended("its reader said nonsense")
        if "damaged" in about:
            raise DamagedPicture(f"{name}: damaged DICOM: {about['damaged']}; fetch the file again")
        if "refused" in about:
            raise PictureRefused(f"{name}: {about['refused']}")
        if isinstance(into, bytearray):
            into.clear()
            if num_bytes > self.limits.memory_bytes:
                raise _Ended("its reader said nonsense")
        for part in self._received(num_bytes, within_s):
            if isinstance(into, bytearray):
                into += part
            elif into is not None:
                into.write(part)
        return about

    def _received(self, num_bytes: int, within_s: float) -> Iterator[bytes]:
        """So many bytes, as they come; each part within the time."""
        assert self._line is not None, "it runs"
        end_s = time.monotonic() + within_s
        while num_bytes:
            try:
                self._line.settimeout(max(0.01, end_s - time.monotonic()))
                part = self._line.recv(min(num_bytes, _CHUNK_BYTES))
            except TimeoutError as error:
                raise _Ended(f"it was not read after {within_s:.0f} s, and its reader was ended") from error
            except OSError as error:
                raise _Ended from error
            if not part:
                raise _Ended
            num_bytes -= len(part)
            end_s = time.monotonic() + within_s
            yield part

    def _start(self) -> None:
        limits = json.dumps(asdict(self.limits))
        try:
            ours, self._process = started_alone("edge.dicom.reading.child", limits, {"VIPS_CONCURRENCY": "1"})
        except OSError as error:
            raise InputOutputError(
                f"what reads DICOM cannot be started ({error.strerror}); install it again"
            ) from error
        self._line, self.pid = ours, self._process.pid
        try:
            told = self._answer("", None, _START_S).get("not_held")
        except _Ended as error:
            ended = str(error) or self._end()
            self._end()
            raise InputOutputError(f"what reads DICOM cannot be started: {ended}; install it again") from error
        if told:
            _log.warning("files of DICOM are read by a process that this kernel does not keep from %s", "; ".join(told))

    def _was_killed(self) -> bool:
        """Whether it has ended by a signal that nothing in a file can bring about: the kernel had no memory left."""
        if self._process is None:
            return False
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(_END_S) == -signal.SIGKILL  # one that held much memory dies slowly
        return False

    def _end(self) -> str:
        """End it now; how it ended, in words."""
        self._holds, self.pid = None, 0
        if self._line is not None:
            self._line.close()
            self._line = None
        process, self._process = self._process, None
        if process is None:
            return ""
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_ENDS_BY_ITSELF_S)
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        status = process.wait(_END_S)
        if status >= 0:
            return f"its reader ended with exit code {status}"
        return f"it ended its reader ({signal.Signals(-status).name})"


class _Ended(Exception):
    """The process said no more; the text is why, where that is known."""


class _Killed(Exception):
    """The process was killed, and by no fault of the file that is known."""


@cache
def shared_reader() -> ReaderProcess:
    """The one of this program; it ends with it."""
    return ReaderProcess()
