"""Where the video process begins: it says what is missing, or goes on to its work."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys

from edge.gstreamer.scripts.link import close_off
from edge.video.wire import packed

NICE = 10
"""The live picture goes first, as before the unit's own threads that give way."""


def main() -> None:
    faulthandler.enable()
    close_off(int(sys.argv[2]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the unit ends this process, not a terminal
    with contextlib.suppress(OSError):  # forbidden: it works all the same
        os.setpriority(os.PRIO_PROCESS, 0, max(NICE, os.getpriority(os.PRIO_PROCESS, 0)))
    out_fd = os.dup(1)
    os.dup2(2, 1)  # what a plug-in prints is no message
    try:
        from edge.video.process import serve
    except (ImportError, ValueError) as error:  # ValueError: no such namespace of gi
        os.write(out_fd, packed({"kind": "lacks", "why": f"{sys.executable}: {error}"}))
        sys.exit(1)
    serve(int(sys.argv[1]), out_fd)


if __name__ == "__main__":
    main()
