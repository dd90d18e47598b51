"""Which boot this is: the monotonic clock counts from its beginning."""

from __future__ import annotations

from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """32 hexadecimal digits, as journald writes it; empty where the kernel does not tell."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip().replace("-", "")
    except OSError:
        return ""
