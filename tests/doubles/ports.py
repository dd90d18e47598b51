"""A port for a program that a test starts."""

from __future__ import annotations

import contextlib
import random
import socket

_draw = random.SystemRandom()


def free_port() -> int:
    """Below those that the system gives to outgoing connections, so that none of them has it a moment later."""
    while True:
        with socket.socket() as one, contextlib.suppress(OSError):
            one.bind(("127.0.0.1", _draw.randrange(15_000, 32_000)))
            return int(one.getsockname()[1])
