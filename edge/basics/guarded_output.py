"""What a command writes and how it is seen by others: neither its streams nor its command line tell what is secret."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO, cast

from edge.basics.hiding import remember_words, without_secrets
from edge.basics.secrets import HIDDEN, shown_uri

_STAT, _MEMORY = Path("/proc/self/stat"), Path("/proc/self/mem")
_ARG_START, _ARG_END = 48 - 3, 49 - 3
"""Fields of /proc/PID/stat as proc(5) counts them, behind the name in brackets, which is the second."""


class GuardedStream:
    """A stream of text whose writes go through `without_secrets`; all else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(without_secrets(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def guard_output(words: Sequence[str]) -> bool:
    """From now on nothing secret is written to standard output or standard error, or seen in the process list.

    Args:
        words: the command line, which is looked through for what is secret.

    Returns:
        Whether there was something. Until this call it could be seen by everybody on the machine.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, GuardedStream):
            setattr(sys, name, cast("TextIO", GuardedStream(stream)))
    secret = remember_words(words)
    if secret:
        blank_command_line(secret)
    return bool(secret)


def blank_command_line(words: Sequence[str]) -> bool:
    """Write over words of this process's own command line, where the kernel lets the process list read it.

    Returns:
        Whether that could be done.
    """
    try:
        fields = _STAT.read_bytes().rpartition(b")")[2].split()
        begin, end = int(fields[_ARG_START]), int(fields[_ARG_END])
        with _MEMORY.open("r+b", buffering=0) as memory:
            memory.seek(begin)
            line = memory.read(end - begin)
            for word in map(os.fsencode, words):
                blank = os.fsencode(_shown(os.fsdecode(word)))[: len(word)].ljust(len(word))
                line = line.replace(b"\0" + word + b"\0", b"\0" + blank + b"\0")
            memory.seek(begin)
            memory.write(line)
    except (OSError, ValueError, IndexError):
        return False
    return True


def _shown(word: str) -> str:
    option, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
    shown = shown_uri(value)
    return option + equals + (HIDDEN if shown == value else shown)
