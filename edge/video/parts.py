"""What the unit has for coded video, tied together: who feeds it, and the ways out that are on."""

from __future__ import annotations

from collections.abc import Callable

from edge.config import Config, VideoConfig
from edge.frames.frame import FramePair
from edge.frames.stages import Sink
from edge.health.record import Health
from edge.video.feed import VideoFeed
from edge.video.hub import Hub
from edge.video.whep import Whep
from edge.web.server import WebSink


class VideoParts:
    """Nothing of it runs where every way out is off.

    Attributes:
        hub: who looks.

    Args:
        frozen: the pair that is held still; None while live.
        hub: one of its own by default.
    """

    def __init__(
        self, config: Config, health: Health, frozen: Callable[[], FramePair | None], hub: Hub | None = None
    ) -> None:
        video = config.video
        self.hub = hub or Hub(video.encoder)
        self._feed = VideoFeed(video, health, self.hub, frozen)
        self._whep = Whep(self.hub, video.webrtc_ports) if video.webrtc else None
        self._rtsp = None
        if video.rtsp:
            from edge.video.rtsp.server import RtspServer

            self._rtsp = RtspServer(video.rtsp, config.web, self.hub)
        self.sinks: list[Sink] = [self._feed] if self._whep or self._rtsp else []
        if self.sinks:
            health.track("video", self.hub.record)

    @property
    def rtsp_urls(self) -> list[str]:
        """Where recorders find the views, once the web server serves."""
        return [] if self._rtsp is None else self._rtsp.urls

    @property
    def process_id(self) -> int:
        """Of the video process; 0 where none runs."""
        return self.hub.process_id

    def num_viewers(self) -> int:
        """Who looks by these ways."""
        return self.hub.num_viewers()

    def use(self, config: VideoConfig) -> None:
        """What may change while the unit runs."""
        self._feed.use(config)

    def serve(self, web: WebSink) -> None:
        """Put what goes over the web server into it; before it starts."""
        if self._whep is not None:
            whep = self._whep
            web.serve_too(whep.operations(), lambda: {"can": {"webrtc": whep.can()}})
        if self._rtsp is not None:
            web.serve_too((), beside=self._rtsp.run)

    def reload_access(self) -> None:
        """Serve the certificate that is there now."""
        if self._rtsp is not None:
            self._rtsp.reload()
