"""What the web server's libraries say, as far as it is worth a line."""

from __future__ import annotations

import asyncio
import logging

from aiohttp.http_exceptions import HttpProcessingError

from edge.basics.seldom import Seldom

log = logging.getLogger(__name__)
_seldom = Seldom(log)


class _OursAlone(logging.Filter):
    """Anybody on the network can send what is no request, or go away early: neither is worth a traceback."""

    def __init__(self) -> None:
        super().__init__()
        self._seldom = Seldom(log)

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], (HttpProcessingError, ConnectionError)):
            return False
        return self._seldom.held_before(str(record.msg)) is not None


server_log = logging.getLogger(f"{__name__}.aiohttp")
server_log.addFilter(_OursAlone())


def logged_in_one_line(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """What asyncio itself cannot handle."""
    error, message = context.get("exception"), str(context.get("message"))
    _seldom.say(logging.ERROR, message[:40], f"web server: {message}{'' if error is None else f' ({error})'}")
