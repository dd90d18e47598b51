"""What is done to a unit's models is noted in the journal, and who did it."""

from __future__ import annotations

import logging
import os
import pwd
from pathlib import Path

from edge.basics.logs import JOURNAL_SOCKET, JournalHandler

log = logging.getLogger("edge.updates")


def note(text: str, event: str, version: str) -> None:
    """One entry in the system's journal, found by `journalctl EDGE_EVENT=unsigned`.

    Args:
        event: install, rollback, unsigned or downgrade.
    """
    if JOURNAL_SOCKET.exists() and not any(isinstance(handler, JournalHandler) for handler in log.handlers):
        log.addHandler(JournalHandler())
        log.setLevel(logging.INFO)
    level = logging.WARNING if event in ("unsigned", "downgrade") else logging.INFO
    log.log(level, "model: %s", text, extra={"edge_event": event, "edge_version": version, "edge_user": who_asks()})


def who_asks() -> str:
    """Who logged in and asked for it, also behind sudo."""
    try:
        uid = int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        uid = -1
    if not 0 <= uid < 1 << 31:
        behind = os.environ.get("SUDO_UID", "")
        uid = int(behind) if behind.isdigit() else os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return str(uid)
