"""The audit log: who looked, saved, changed, came in or did not. A line of JSON each, in a file and in the journal.

No picture and nothing of a patient stands in it. Each line has the clock on the wall, which jumps, and the monotonic
one with the boot that it counts from, which does not.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import pwd
import queue
import stat
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from edge.access.boot import boot_id
from edge.basics.logs import JOURNAL_SOCKET, JournalHandler
from edge.basics.texts import one_line
from edge.config import Config

log = logging.getLogger(__name__)

Detail = str | int | float | bool
NUM_FILES = 4
SELDOM_S = 10.0
_MAX_WAITING = 1000
_MAX_TEXT = 200
_MAX_SELDOM = 1024
_NOBODY_LOGGED_IN = (1 << 32) - 1
"""As the kernel says it, such as of a service."""


def record(config: Config, event: str, who: str, **details: str) -> None:
    """Record one event from a command, such as `record(config, "model-installed", who_runs(), model="live 3")`.

    Never fails: what cannot be written is told in the log.
    """
    AuditLog(config.audit.path, config.audit.size_mib).record(event, who, **details)


def who_runs() -> str:
    """The person at the command line, behind sudo who logged in. To be asked before root is given up."""
    own = _user_name(os.getuid())
    if os.geteuid() != 0:
        return own
    try:
        logged_in = int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        logged_in = _NOBODY_LOGGED_IN
    if 0 < logged_in < _NOBODY_LOGGED_IN:
        return f"{_user_name(logged_in)} (sudo)"
    behind = os.environ.get("SUDO_USER", "")
    return f"{behind} (sudo)" if behind else own


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


class AuditLog:
    """Writes at once, or behind a queue after `start`, so that a slow disk stops nobody. Safe from any thread.

    Args:
        path: of the newest lines; older ones are in `path.1` to `path.3`. None for no file.
        size_mib: what all of them may take.
        journal: socket of journald; nothing goes there where it is not.
    """

    def __init__(self, path: Path | None, size_mib: int = 16, journal: Path = JOURNAL_SOCKET) -> None:
        self._path, self._most_bytes = path, (size_mib << 20) // NUM_FILES
        self._journal = JournalHandler(journal, Path(os.devnull).open("w")) if journal.exists() else None  # noqa: SIM115
        self._waiting: queue.Queue[dict[str, Detail] | None] = queue.Queue(_MAX_WAITING)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._num_lost = self._num_lost_in_all = self._num_written = 0
        self._is_failing = False
        self._seldom: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()

    def start(self) -> None:
        """Write in a thread from now on."""
        self._thread = threading.Thread(target=self._write_all, name="audit", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what waits, and end the thread."""
        if self._thread is not None:
            with contextlib.suppress(queue.Full):
                self._waiting.put(None, timeout=1.0)
            self._thread.join(2.0)
            self._thread = None

    def record(self, event: str, who: str, *, seldom: str = "", **details: Detail) -> None:
        """One line.

        Args:
            event: what happened, such as `login`.
            who: a user, a token, a person at the command line, or the unit itself.
            seldom: what many events have in common: of those one in 10 s is written, and the next tells how many more.
        """
        if seldom:
            more = self._more_of(event, seldom)
            if more is None:
                return
            details |= {"more": more} if more else {}
        entry = _entry(event, who, details)
        if self._thread is None:
            self._write(entry)
            return
        try:
            self._waiting.put_nowait(entry)
        except queue.Full:
            self._num_lost += 1
            self._num_lost_in_all += 1

    def counts(self) -> dict[str, int]:
        """Since the start: `written` lines, `lost` ones; `failing`: 1 where the file cannot be written at present."""
        return {"written": self._num_written, "lost": self._num_lost_in_all, "failing": int(self._is_failing)}

    def _more_of(self, event: str, key: str) -> int | None:
        """How many of a kind were left out since the last one; None where this one is left out too."""
        now_s = time.monotonic()
        with self._lock:
            last_s, num_left_out = self._seldom.get((event, key), (-SELDOM_S, 0))
            if now_s - last_s < SELDOM_S:
                self._seldom[event, key] = (last_s, num_left_out + 1)
                return None
            self._seldom[event, key] = (now_s, 0)
            self._seldom.move_to_end((event, key))
            while len(self._seldom) > _MAX_SELDOM:
                self._seldom.popitem(last=False)
            return num_left_out

    def _write_all(self) -> None:
        while (entry := self._waiting.get()) is not None:
            self._write(entry)

    def _write(self, entry: dict[str, Detail]) -> None:
        if self._num_lost:
            entry["lost"], self._num_lost = self._num_lost, 0
        self._tell_journal(entry)
        if self._path is None:
            return
        try:
            with self._lock:
                _append(self._path, json.dumps(entry).encode() + b"\n", self._most_bytes)
                self._num_written += 1
            self._is_failing = False
        except OSError as error:
            if not self._is_failing:
                log.error("%s: the audit log cannot be written (%s)", self._path, error.strerror or error)
            self._is_failing = True

    def _tell_journal(self, entry: dict[str, Detail]) -> None:
        if self._journal is None:
            return
        words = " ".join(f"{key}={value}" for key, value in entry.items() if key not in ("at", "boot", "monotonic_s"))
        fields = {f"edge_{key}": value for key, value in entry.items()}
        level = {"levelno": logging.INFO, "levelname": "INFO", "name": __name__}
        self._journal.emit(logging.makeLogRecord({**fields, **level, "msg": f"audit: {words}"}))


def _entry(event: str, who: str, details: dict[str, Any]) -> dict[str, Detail]:
    texts = {key: _plain(value) if isinstance(value, str) else value for key, value in details.items()}
    return {
        "at": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        "monotonic_s": round(time.monotonic(), 3),
        "boot": boot_id(),
        "event": event,
        "who": _plain(who),
        **{key: value for key, value in texts.items() if value != ""},
    }


def _plain(text: str) -> str:
    """One short line of printable characters."""
    return one_line(text[:_MAX_TEXT].encode("utf-8", "backslashreplace").decode())


def _append(path: Path, line: bytes, most_bytes: int) -> None:
    """Append to a file that is ours alone: through no link, and to nothing but a plain file.

    Raises:
        OSError: it cannot be, or is something else.
    """
    with _locked_folder(path.parent) as folder:
        descriptor = _opened(path.name, folder)
        try:
            if os.fstat(descriptor).st_size + len(line) > most_bytes:
                for number in range(NUM_FILES - 1, 0, -1):
                    older = path.name if number == 1 else f"{path.name}.{number - 1}"
                    with contextlib.suppress(FileNotFoundError):
                        os.rename(older, f"{path.name}.{number}", src_dir_fd=folder, dst_dir_fd=folder)
                os.close(descriptor)
                descriptor = _opened(path.name, folder)
            os.write(descriptor, line)
        finally:
            os.close(descriptor)


@contextmanager
def _locked_folder(folder: Path) -> Iterator[int]:
    """The folder's descriptor; a command that root runs gives a new one to whom the folder above belongs."""
    is_new = not folder.exists()
    if is_new:
        folder.mkdir(mode=0o750)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if is_new:
            _give(descriptor, folder.parent.stat())
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _opened(name: str, folder: int) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(name, flags, 0o640, dir_fd=folder)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        os.close(descriptor)
        raise OSError(f"{name} is no plain file of its own")
    if found.st_size == 0:
        _give(descriptor, os.fstat(folder))
    return descriptor


def _give(descriptor: int, like: os.stat_result) -> None:
    if os.geteuid() == 0 and like.st_uid != 0:
        os.fchown(descriptor, like.st_uid, like.st_gid)
