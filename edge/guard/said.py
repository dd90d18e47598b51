"""What an engine's process writes to its standard error, line by line into the log.

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


def log_what_it_says(pipe: IO[bytes]) -> None:
    """Read the pipe to its end in a thread of its own, and close it."""
    threading.Thread(target=_read, args=(pipe,), name="engine's lines", daemon=True).start()


def _read(pipe: IO[bytes]) -> None:
    begin, num_told, num_dropped = time.monotonic(), 0, 0
    with pipe:
        while line := pipe.readline(_LONGEST_LINE):
            if time.monotonic() - begin > WINDOW_S:
                _tell_dropped(num_dropped)
                begin, num_told, num_dropped = time.monotonic(), 0, 0
            num_told += 1
            if num_told > MOST_LINES:
                num_dropped += 1
            elif text := one_line(line.decode(errors="replace").strip()):
                log.info("engine: %s", text, extra={"edge_part": "engine"})
    _tell_dropped(num_dropped)


def _tell_dropped(num_lines: int) -> None:
    if num_lines:
        log.warning("engine: %d more lines within %.0f s are not shown", num_lines, WINDOW_S)
