"""From an address to a camera that plays."""

from __future__ import annotations

from pathlib import Path

from edge.basics.secrets import shown_uri
from edge.frames.lending import Lend, nothing_lent
from edge.pictures.geometry import Fit
from edge.sources.judgement import FrameJudge
from edge.sources.network.address import one_address
from edge.sources.network.feed import Feed
from edge.sources.network.http_feed import HttpFeed
from edge.sources.network.rtsp_feed import RtspFeed
from edge.sources.network.source import NetworkSource


def open_network_camera(
    uri: str,
    *,
    password_file: Path | None = None,
    ca: Path | None = None,
    camera_clock: bool = True,
    fit: Fit = "crop",
    judge: FrameJudge | None = None,
    lend: Lend = nothing_lent,
) -> NetworkSource:
    """Ask a camera for its stream.

    Args:
        uri: rtsp, rtsps, http or https; `NetworkSource.uri`, which others log and show, has no password.
        password_file: holds the password of the user that the address names.
        ca: PEM file of the authorities that may have signed the camera's certificate.
        camera_clock: take the camera's time of day for the age of its pictures, where it tells one.

    Raises:
        UsageError: the address cannot be one.
        ConfigError: a file of these cannot be used.
        DeviceMissing: nobody there, not authorised, not trusted, or no video that can be read.
    """
    address = one_address(uri, password_file)
    camera = shown_uri(uri)
    feed: Feed
    if address.scheme.startswith("http"):
        feed = HttpFeed(camera, address, ca=ca, camera_clock=camera_clock)
    else:
        feed = RtspFeed(camera, address, lend, ca=ca, camera_clock=camera_clock)
    return NetworkSource(camera, feed, fit=fit, judge=judge, lend=lend)
