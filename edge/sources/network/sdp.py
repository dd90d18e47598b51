"""What a camera says it sends: the video of a session description (RFC 8866)."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

_RTPMAP = re.compile(r"a=rtpmap:(\d+) ([\w.-]+)/(\d+)", re.IGNORECASE)
_FMTP = re.compile(r"a=fmtp:(\d+) (.*)", re.IGNORECASE)
CODECS = {"H264": "H.264", "H265": "H.265", "JPEG": "MJPEG"}
"""Names in a description -> as a person knows them."""
_STATIC_JPEG = 26
_VIDEO_CLOCK_HZ = 90_000


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """A video that can be had.

    Attributes:
        control: its address, absolute or relative to the session's.
        payload_type: of its RTP packets.
        codec: as RTP names it, in capitals.
        clock_hz: of its RTP times.
        parameter_sets: of H.264 and H.265, as the description carries them; may be empty.
    """

    control: str
    payload_type: int
    codec: str
    clock_hz: int
    parameter_sets: tuple[bytes, ...]


def videos(text: str) -> tuple[str, list[VideoTrack]]:
    """The session's own control address, empty where it names none, and its videos in their order."""
    session, *medias = re.split(r"(?m)^(?=m=)", text.replace("\r\n", "\n"))
    control = re.search(r"(?m)^a=control:(\S+)", session)
    found = [_video(media) for media in medias if media.startswith("m=video")]
    return control[1] if control else "", [video for video in found if video is not None]


def _video(media: str) -> VideoTrack | None:
    first, *lines = media.splitlines()
    payload_types = [int(word) for word in first.split()[3:] if word.isascii() and word.isdecimal()]
    if not payload_types:
        return None
    payload_type = payload_types[0]
    codec, clock_hz = ("JPEG", _VIDEO_CLOCK_HZ) if payload_type == _STATIC_JPEG else ("", _VIDEO_CLOCK_HZ)
    control, parameters = "", ""
    for line in lines:
        if (rtpmap := _RTPMAP.match(line)) and int(rtpmap[1]) == payload_type:
            codec, clock_hz = rtpmap[2].upper(), int(rtpmap[3]) or _VIDEO_CLOCK_HZ
        elif (fmtp := _FMTP.match(line)) and int(fmtp[1]) == payload_type:
            parameters = fmtp[2]
        elif line.startswith("a=control:"):
            control = line.removeprefix("a=control:").strip()
    return VideoTrack(control, payload_type, codec, clock_hz, _parameter_sets(parameters))


def _parameter_sets(parameters: str) -> tuple[bytes, ...]:
    """Of `sprop-parameter-sets` (RFC 6184) and `sprop-vps`, `-sps`, `-pps` (RFC 7798)."""
    fields = dict(re.findall(r"\s*([\w-]+)=([^;]*)", parameters))
    names = ("sprop-parameter-sets", "sprop-vps", "sprop-sps", "sprop-pps")
    texts = [text for name in names for text in fields.get(name, "").split(",") if text]
    try:
        return tuple(base64.b64decode(text + "=" * (-len(text) % 4)) for text in texts)
    except binascii.Error:
        return ()
