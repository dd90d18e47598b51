"""What a person wants to know in the first minute: what enhances here, how fast, and what to try where that is slow."""

from __future__ import annotations

import logging

from edge.engines.rungs import SMALLER
from edge.health.record import Health

log = logging.getLogger(__name__)

SETTLE_NS = 8_000_000_000
"""An engine has run itself in by then, and the rate is counted over the last two seconds."""
SHOWN_NS = 60_000_000_000
"""How long the picture says that it is slow."""
SLOW = 0.7
"""Below this share of the source's rate somebody sees it."""


class FirstMinute:
    """A watch of `edge.live.Live` that says once how fast it is.

    Args:
        profile: the configured one.
    """

    def __init__(self, health: Health, profile: str) -> None:
        self._health, self._profile = health, profile
        self._since_ns: int | None = None
        self._is_told = False

    def tick(self, now_ns: int) -> None:
        """Tell it once the engine has run for a while."""
        if self._is_told:
            return
        device = self._health.engine().device
        if not device or device == "none" or self._health.num_frames == 0:
            self._since_ns = None
            return
        self._since_ns = now_ns if self._since_ns is None else self._since_ns
        if now_ns - self._since_ns >= SETTLE_NS:
            self._is_told = True
            self._tell(device, now_ns)

    def _tell(self, device: str, now_ns: int) -> None:
        found, nominal = self._health.rates(now_ns)
        what = "CPU" if device.startswith("cpu") else device
        log.info("engine: %s, %.0f frames/s here", what, found, extra={"edge_part": "engine"})
        if nominal and found < SLOW * nominal:
            told = f"slow here, {found:.0f} of {nominal:.0f} frames/s: {self._advice()}"
            log.info("%s", told)
            self._health.notice("slow", told, now_ns + SHOWN_NS)

    def _advice(self) -> str:
        smaller = SMALLER.get(self._profile)
        return f"try --profile {smaller}" if smaller else "close other programs"
