"""The routes of the live picture, each of which can be switched off."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from aiohttp import web

from edge.web.audience import Audience
from edge.web.gate import Handler
from edge.web.pulse import Pulse
from edge.web.sizes import width_from_query
from edge.web.streams import mjpeg, websocket
from edge.web.views import gap_from_query, place_from_query, view_from_query


class StreamRoutes:
    """Belongs to the event loop.

    Args:
        transports: those that are on, of `edge.config.TRANSPORTS`.
        address_of: what the viewer is counted under.
    """

    def __init__(
        self,
        audience: Audience,
        pulse: Pulse,
        transports: Collection[str],
        address_of: Callable[[web.BaseRequest], str],
    ) -> None:
        self._audience, self._pulse, self._address_of = audience, pulse, address_of
        self._transports = transports

    @property
    def gets(self) -> Mapping[str, Handler]:
        """Path -> handler, for GET."""
        handlers: Mapping[str, tuple[str, Handler]] = {
            "/stream.ws": ("websocket", self.websocket),
            "/stream.mjpg": ("mjpeg", self.mjpeg),
        }
        return {
            path: handler if name in self._transports else _switched_off(name)
            for path, (name, handler) in handlers.items()
        }

    async def mjpeg(self, request: web.Request) -> web.StreamResponse:
        """`view=enhanced|raw|split|pair`, `at=0..1` for the divider of split, `fps=N` for at most so many a second.

        `width=N`: at least so wide, as sizes go. `place`: a word that a page makes up, to have its place again when it
        opens another stream.
        """
        query = request.query
        width_px = width_from_query(query.get("width"))
        view = view_from_query(query.get("view", "enhanced"), query.get("at", "0.5"), width_px=width_px)
        gap_s = gap_from_query(query.get("fps"))
        address, place = self._address_of(request), place_from_query(query.get("place", ""))
        return await mjpeg.stream(request, view, self._audience, self._pulse, gap_s, address=address, place=place)

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        """Pictures as the viewer asks for them (docs/interfaces.md)."""
        return await websocket.answer(request, self._audience, self._pulse, self._address_of(request))


def _switched_off(name: str) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=404, text=f"{name} is switched off: [web] transports in edge.toml\n")

    return answer
