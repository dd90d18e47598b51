"""The unit's own door: a socket for the commands of this machine, where who comes is known by their user.

With users or TLS the page no longer answers `edge-enhance --check` or `model install` as it answers without. They come
in here: only root and the unit's own user, who could read and change everything of it anyway.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import struct
from asyncio.trsock import TransportSocket
from collections.abc import Iterator
from pathlib import Path

from edge.access.listening import unix_socket

SERVICE_FOLDER = Path("/run/edge-enhance")


def control_socket(listen: str) -> tuple[socket.socket, Path] | None:
    """A listening socket, mode 0600, and where it is; None where this process has no folder for it.

    Args:
        listen: `web.listen`, so that each unit of a machine has its own.
    """
    for folder in _own_folders():
        path = folder / _name(listen)
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, exist_ok=True)
            return unix_socket(path, 0o600), path
    return None


def control_paths(listen: str) -> Iterator[Path]:
    """Where a unit's control socket may be, for who runs a command."""
    for folder in (*_own_folders(), SERVICE_FOLDER):
        path = folder / _name(listen)
        if path.exists():
            yield path


def is_trusted(connection: socket.socket | TransportSocket) -> bool:
    """Whether at the other end is root, or this process's own user."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, user, _ = struct.unpack("3i", credentials)
    return user in (0, os.geteuid())


def _own_folders() -> Iterator[Path]:
    service, login = os.environ.get("RUNTIME_DIRECTORY", ""), os.environ.get("XDG_RUNTIME_DIR", "")
    if service:
        yield Path(service.split(":")[0])
    elif login:
        yield Path(login) / "edge-enhance"


def _name(listen: str) -> str:
    return f"control-{hashlib.sha256(listen.encode('utf-8', 'replace')).hexdigest()[:8]}.sock"
