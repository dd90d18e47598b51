"""`GET /metrics`: what `/health` tells, for Prometheus (text format 0.0.4, or OpenMetrics where that is asked for)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web

from edge.health.record import Health
from edge.web.api.operation import Answer, Operation

if TYPE_CHECKING:  # loaded when it is first asked for: a tenth of a second that no start needs
    from prometheus_client.core import Metric

OPEN_METRICS = "application/openmetrics-text"


class Metrics:
    """The handler.

    Args:
        state: what parts add to `/api/state`.
        streams: transport -> open ones.
        audit: see `edge.access.audit.AuditLog.counts`.
        more: what the server adds to the record of `/health`.
        version: of this program.
    """

    def __init__(
        self,
        health: Health,
        state: Callable[[], Mapping[str, Any]],
        streams: Callable[[], Mapping[str, int]],
        audit: Callable[[], Mapping[str, int]],
        more: Callable[[], Mapping[str, Any]],
        version: str,
    ) -> None:
        self._health, self._state, self._streams = health, state, streams
        self._audit, self._more, self._version = audit, more, version

    def operations(self) -> tuple[Operation, ...]:
        text = Answer("every figure of the unit", also_kinds=(OPEN_METRICS,))
        return (Operation("GET", "/metrics", self.answer, "Every figure of the unit, for Prometheus.", {200: text}),)

    async def answer(self, request: web.Request) -> web.Response:
        accept = request.headers.get("Accept", "")
        state, streams, more = self._state(), self._streams(), self._more()
        work = asyncio.get_running_loop().run_in_executor(None, self._text, accept, state, streams, more)
        body, kind = await work
        return web.Response(body=body, headers={"Content-Type": kind})

    def _text(
        self, accept: str, state: Mapping[str, Any], streams: Mapping[str, int], more: Mapping[str, Any]
    ) -> tuple[bytes, str]:
        """In a thread of its own: body and media type."""
        from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
        from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
        from prometheus_client.openmetrics import exposition

        from edge.web.api.metric_families import Figures, families

        health = {**self._health.snapshot(time.monotonic_ns()), **more}
        latency, attempts = self._health.latency_histogram(), self._health.num_attempts
        figures = Figures(health, state, latency, streams, self._audit(), attempts, self._version)

        class Unit:
            def collect(self) -> Iterator[Metric]:
                return families(figures)

        registry = CollectorRegistry(auto_describe=False)
        registry.register(Unit())
        ProcessCollector(registry=registry)
        if OPEN_METRICS in accept:
            told: bytes = exposition.generate_latest(registry)  # type: ignore[no-untyped-call]
            return told, exposition.CONTENT_TYPE_LATEST
        return generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4
