"""Logging into journald with fields: the native protocol, a datagram an entry (systemd.io/JOURNAL_NATIVE_PROTOCOL)."""

from __future__ import annotations

import logging
import os
import re
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

from edge.basics.hiding import without_secrets
from edge.basics.texts import printable

JOURNAL_SOCKET = Path("/run/systemd/journal/socket")
IDENTIFIER = "edge-enhance"

_FIELD = re.compile(r"edge_[a-z0-9_]{1,59}")


def set_up_logging(debug: bool) -> str:
    """Send the log to journald where standard error is the journal, else to standard error as lines of text.

    Returns:
        What to put before a line that is written to standard error by hand, so that it counts as an error.
    """
    level = logging.DEBUG if debug else logging.INFO
    if is_journal():
        set_handler(JournalHandler(), level, "%(message)s")
        return "<3>"
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s" if debug else "%(message)s"
    set_handler(logging.StreamHandler(), level, form)
    return ""


class PrintableFormatter(logging.Formatter):
    """Hides what is secret and escapes what cannot be printed; the lines of a traceback stay lines."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(printable(line) for line in without_secrets(super().format(record)).split("\n"))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        record.message = printable(record.message)
        return super().formatMessage(record)


def set_handler(handler: logging.Handler, level: int, form: str = "%(message)s") -> None:
    """Send this process's log there, unless it goes somewhere already; a name from outside forges no line."""
    handler.setFormatter(PrintableFormatter(form))
    logging.basicConfig(level=level, handlers=[handler])


def is_journal(descriptor: int = 2, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a descriptor, standard error by default, is the journal's own stream, as JOURNAL_STREAM says."""
    try:
        stream = os.fstat(descriptor)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM", "") == f"{stream.st_dev}:{stream.st_ino}"


class JournalHandler(logging.Handler):
    """One entry a record, with its fields beside the message.

    A record's attributes `edge_...` become fields `EDGE_...`: `log.warning("...", extra={"edge_part": "source"})` is
    found by `journalctl EDGE_PART=source`. Where journald is away, or an entry is larger than a datagram, the message
    goes to `fallback` with its priority in front (sd-daemon(3)). A full journal stops nobody: entries are dropped, and
    the next one tells their number in EDGE_LOST.
    """

    def __init__(self, path: Path = JOURNAL_SOCKET, fallback: TextIO | None = None) -> None:
        super().__init__()
        self._path = str(path)
        self._fallback = fallback
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)
        self._num_lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = without_secrets(self.format(record))
            fields = dict(_fields(record, message))
            if self._num_lost:
                fields["EDGE_LOST"] = str(self._num_lost)
            try:
                self._socket.sendto(entry_of(fields), socket.MSG_NOSIGNAL, self._path)
                self._num_lost = 0
            except BlockingIOError:
                self._num_lost += 1
            except OSError:
                self._write_lines(priority_of(record.levelno), message)
        except (TypeError, ValueError, OSError):  # logging's own way: a message that does not fit its arguments
            self.handleError(record)

    def close(self) -> None:
        self._socket.close()
        super().close()

    def _write_lines(self, priority: int, message: str) -> None:
        stream = self._fallback or sys.stderr
        stream.write("".join(f"<{priority}>{line}\n" for line in message.splitlines() or [""]))
        stream.flush()


def priority_of(level: int) -> int:
    """syslog's number for a level of `logging`: 2 critical, 3 error, 4 warning, 6 info, 7 debug."""
    steps = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
    return next((priority for least, priority in steps if level >= least), 7)


def entry_of(fields: Mapping[str, str]) -> bytes:
    """An entry's bytes: `NAME=value`, or name, length (64 bits, little-endian) and value where it has several lines."""
    parts = []
    for name, text in fields.items():
        value = text.encode("utf-8", "backslashreplace")
        if b"\n" in value:
            parts += [name.encode(), b"\n", len(value).to_bytes(8, "little"), value, b"\n"]
        else:
            parts += [name.encode(), b"=", value, b"\n"]
    return b"".join(parts)


def _fields(record: logging.LogRecord, message: str) -> Iterator[tuple[str, str]]:
    yield "MESSAGE", message
    yield "PRIORITY", str(priority_of(record.levelno))
    yield "SYSLOG_IDENTIFIER", IDENTIFIER
    yield "LOGGER", record.name
    yield "THREAD_NAME", record.threadName or ""
    yield "CODE_FILE", record.pathname
    yield "CODE_LINE", str(record.lineno)
    yield "CODE_FUNC", record.funcName or ""
    for name, value in vars(record).items():
        if value is not None and _FIELD.fullmatch(name):
            yield name.upper(), "\n".join(map(printable, without_secrets(str(value)).split("\n")))
