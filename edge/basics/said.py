"""What a process of this program's own writes to its standard error, line by line into the log.

The terminal itself would let it read what is typed there, and drive it by control characters.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import IO

from edge.basics.texts import one_line

log = logging.getLogger(__name__)

MOST_LINES, WINDOW_S = 40, 10.0
"""A crash's traceback is told whole; what floods is not."""
_LONGEST_LINE = 500


def log_what_it_says(pipe: IO[bytes], who: str) -> None:
    """Read the pipe to its end in a thread of its own, and close it.

    Args:
        who: what the process is, in a word; each line begins with it.
    """
    threading.Thread(target=_read, args=(pipe, who), name=f"{who}'s lines", daemon=True).start()


def _read(pipe: IO[bytes], who: str) -> None:
    begin, num_told, num_dropped = time.monotonic(), 0, 0
    with pipe:
        while line := pipe.readline(_LONGEST_LINE):
            if time.monotonic() - begin > WINDOW_S:
                _tell_dropped(num_dropped, who)
                begin, num_told, num_dropped = time.monotonic(), 0, 0
            num_told += 1
            if num_told > MOST_LINES:
                num_dropped += 1
            elif text := one_line(line.decode(errors="replace").strip()):
                log.info("%s: %s", who, text, extra={"edge_part": who})
    _tell_dropped(num_dropped, who)


def _tell_dropped(num_lines: int, who: str) -> None:
    if num_lines:
        log.warning("%s: %d more lines within %.0f s are not shown", who, num_lines, WINDOW_S)
