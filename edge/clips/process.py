"""One run of FFmpeg: a child without a terminal, its lines read beside the work, ended whatever happens.

Every clip and every camera's video comes from outside: it is decoded by a process that can do nothing else.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import select
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import IO

from edge.basics.errors import InputOutputError
from edge.clips.program import Ffmpeg
from edge.confining.program import Hold, held, not_held

_log = logging.getLogger(__name__)

_GENERAL = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "repeat+level+info")
_PIPE_BYTES = 1 << 20
_LONGEST_LINE = 4096
_LAST_LINES = 12
_POLL_S = 0.2
_END_S = 5.0


class FfmpegFailed(InputOutputError):
    """A run of FFmpeg that ended badly or hung."""


class FfmpegRun:
    """A running FFmpeg. Its stdin, stdout or neither is a pipe; `close` ends it.

    A session of its own keeps the terminal's Ctrl-C away from it: its end is this program's to choose.

    Args:
        arguments: without the general ones.
        on_line: called in a thread of its own with each line of stderr.
        reads, writes: whether this program reads its stdout, writes its stdin.
        readable: the files that it opens by name; it can open no other (`edge.confining.program`).
        written: descriptors of the files that it writes, as /dev/fd/N; without them it makes or changes none.
        cpu_s: the processor time that it may take; None for one that works as long as it is wanted.

    Raises:
        FfmpegFailed: it cannot be started.
    """

    def __init__(
        self,
        ffmpeg: Ffmpeg,
        arguments: Sequence[str],
        on_line: Callable[[str], object],
        *,
        reads: bool = False,
        writes: bool = False,
        readable: Sequence[Path] = (),
        written: Sequence[int] = (),
        cpu_s: int | None = None,
    ) -> None:
        self._on_line = on_line
        self._reading = threading.Lock()
        self.last_lines: deque[str] = deque(maxlen=_LAST_LINES)
        _tell_not_held()
        try:
            with held(ffmpeg.path, Hold(tuple(readable), tuple(written), cpu_s)) as start:
                self._child = subprocess.Popen(
                    [*start.command, *_GENERAL, *arguments],
                    stdin=subprocess.PIPE if writes else subprocess.DEVNULL,
                    stdout=subprocess.PIPE if reads else subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    bufsize=0,
                    start_new_session=True,
                    pass_fds=start.descriptors,
                    env=start.environment,
                    cwd="/",
                )
        except (OSError, ValueError) as error:
            raise FfmpegFailed(f"{ffmpeg.path} cannot be started: {error}") from error
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                _enlarge(pipe)
        if self._child.stdin is not None:
            os.set_blocking(self._child.stdin.fileno(), False)  # else a write waits for a program that has stopped
        self._reader = threading.Thread(target=self._read_lines, name="ffmpeg's lines", daemon=True)
        self._reader.start()

    def read_into(self, buffer: memoryview, wait_s: float) -> bool:
        """Fill the buffer from stdout; False at the end, where a last part that is not whole is left out.

        Raises:
            FfmpegFailed: nothing came for `wait_s` seconds.
        """
        out = self._child.stdout
        assert out is not None, "it was started to be read"
        num_read = 0
        with self._reading:
            while num_read < len(buffer) and not out.closed:
                if not self._waited(out, wait_s, to_read=True):
                    raise FfmpegFailed(f"FFmpeg gave no picture for {wait_s:.0f} s; it was ended")
                got = os.readv(out.fileno(), [buffer[num_read:]])
                if not got:
                    break
                num_read += got
        return num_read == len(buffer)

    def write(self, content: bytes | memoryview, wait_s: float) -> None:
        """Write to stdin.

        Raises:
            BrokenPipeError: it takes nothing any more; `wait` says why.
            FfmpegFailed: it took nothing for `wait_s` seconds.
        """
        pipe = self._child.stdin
        assert pipe is not None, "it was started to be written to"
        view = memoryview(content).cast("B")
        while view:
            if not self._waited(pipe, wait_s, to_read=False):
                raise FfmpegFailed(f"FFmpeg took no picture for {wait_s:.0f} s; it was ended")
            with contextlib.suppress(BlockingIOError):
                view = view[os.write(pipe.fileno(), view) :]

    def end_input(self) -> None:
        if self._child.stdin is not None:
            self._child.stdin.close()

    def wait(self, wait_s: float) -> int:
        """Its exit status once it has ended, negative for a signal; all its lines were handed on by then.

        Raises:
            FfmpegFailed: it still runs.
        """
        try:
            status = self._child.wait(wait_s)
        except subprocess.TimeoutExpired as error:
            raise FfmpegFailed(f"FFmpeg did not end for {wait_s:.0f} s; it was ended") from error
        self._reader.join(_END_S)
        return status

    def ended_by(self, status: int) -> str:
        """Why it ended, in words; its own last line about it where there is one."""
        if status < 0:
            return f"FFmpeg was ended by {signal.Signals(-status).name}"
        told = [line for line in self.last_lines if "[error]" in line or "[fatal]" in line]
        return f"FFmpeg says: {told[0].rpartition('] ')[2].strip()}" if told else f"FFmpeg ended with status {status}"

    def close(self) -> None:
        """Kill it where it still runs; safe to call twice, and from another thread to end a waiting `read_into`."""
        if self._child.poll() is None:
            self._child.kill()
        with self._reading:  # a reader sees the end of the pipe now
            for pipe in (self._child.stdin, self._child.stdout):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()
        self._child.wait()
        self._reader.join(_END_S)

    def _waited(self, pipe: IO[bytes], wait_s: float, *, to_read: bool) -> bool:
        end = time.monotonic() + wait_s
        while time.monotonic() < end:
            files = [pipe]
            if any(select.select(files if to_read else [], [] if to_read else files, [], _POLL_S)):
                return True
        return False

    def _read_lines(self) -> None:
        assert self._child.stderr is not None
        with self._child.stderr as pipe:
            rest = b""
            while chunk := pipe.read(1 << 16):
                *lines, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
                for line in lines:
                    self._take(line)
                rest = rest[:_LONGEST_LINE]
            self._take(rest)

    def _take(self, content: bytes) -> None:
        line = content[:_LONGEST_LINE].decode(errors="replace")
        if "[error]" in line or "[fatal]" in line:
            self.last_lines.append(line)
        self._on_line(line)


def _enlarge(pipe: IO[bytes]) -> None:
    """Fewer turns between the two programs; a system that refuses is only slower."""
    set_size = getattr(fcntl, "F_SETPIPE_SZ", None)
    if set_size is not None:
        try:
            fcntl.fcntl(pipe, set_size, _PIPE_BYTES)
        except OSError:
            return


@cache
def _tell_not_held() -> None:
    """Once: it is the same for every run."""
    if missing := not_held():
        _log.warning("FFmpeg runs, but this kernel does not close it off: %s", "; ".join(missing))
