"""Every switch of the camera; all that are left alone make a sound camera."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

CODECS = ("h264", "h265", "mjpeg")


@dataclass(frozen=True, slots=True)
class Faults:
    """What the camera does now.

    Attributes, of both protocols:
        width_px, height_px, fps: of the pictures; another size in the middle of a stream is a fault.
        repeat: the picture of now again and again; time stamps run on.
        silent: connections stay open, nothing comes.
        first_frame_s: from a connection's request to its first picture.
        hold_s: pictures are held back for so long, then all are sent at once, and again.
        late_s: each picture is sent so late.
        link_bytes_s: a link of so many bytes a second, whose queue grows; 0 is no limit.
        close_after: pictures until the connection is closed; 0 is never.
        refuse: nobody listens.
        auth: "", "basic" or "digest": 401 to all but `user` with `password`.
        damage: share of pictures with bytes written over (JPEG), or of packets (RTP).

    Attributes, HTTP:
        cut: share of pictures that end too early.
        holes: share of pictures that lack 100 bytes in their middle.
        whole_length: a cut picture's Content-Length is the whole one's.
        part_headers: "full", "length", "type", "none" (boundary and an empty line), "bare" (the picture right after the
            boundary's line) or "jpegs" (no boundary at all).
        timestamps: each part has X-Timestamp, wall clock in seconds.
        parts: "jpeg" or "png".
        answer: "stream", "snapshot" (one picture), "404", "500", "redirect" (to `location`, where the stream is if that
            is one of ours), "html", "hls", "headers" (65 MB of them), "one-header" (a line of 65 MB), "slow" (a byte a
            second), "boundaries" (for ever, without a picture), "big-part" (a picture that never ends), "nothing" (no
            answer), "garbage" (no HTTP). RTSP knows those that are not about HTTP.
        location: a redirect's target.

    Attributes, RTSP:
        codec: "h264", "h265" or "mjpeg".
        key_frame_s: from key frame to key frame.
        transport: "any", "tcp" or "udp"; SETUP of the other gets 461.
        loss, reorder: share of RTP packets.
        session_s: Session's timeout.
        expires: a session without a request (or RTCP) for `session_s` ends.
        rtcp_s: from sender report to sender report; 0 sends none.
        clock_off_s: what the camera's wall clock is wrong by.
        rtp_jump_s: added to RTP time stamps, not to sender reports made before.
        rtp_frozen: all RTP time stamps are the same.
    """

    width_px: int = 1920
    height_px: int = 1080
    fps: float = 30.0
    repeat: bool = False
    silent: bool = False
    first_frame_s: float = 0.0
    hold_s: float = 0.0
    late_s: float = 0.0
    link_bytes_s: int = 0
    close_after: int = 0
    refuse: bool = False
    auth: str = ""
    user: str = "throat"
    password: str = "camera:1"
    damage: float = 0.0
    cut: float = 0.0
    holes: float = 0.0
    whole_length: bool = False
    part_headers: str = "full"
    timestamps: bool = False
    parts: str = "jpeg"
    answer: str = "stream"
    location: str = "file:///etc/hostname"
    codec: str = "h264"
    key_frame_s: float = 1.0
    transport: str = "any"
    loss: float = 0.0
    reorder: float = 0.0
    session_s: float = 60.0
    expires: bool = False
    rtcp_s: float = 5.0
    clock_off_s: float = 0.0
    rtp_jump_s: float = 0.0
    rtp_frozen: bool = False

    @property
    def delays(self) -> bool:
        """Whether pictures queue in the camera."""
        return bool(self.hold_s or self.late_s or self.link_bytes_s)

    def changed(self, changes: dict[str, Any]) -> Faults:
        """With other values; texts, as a person types them, become what the attribute is.

        Raises:
            ValueError: no such switch, or no value for it.
        """
        kinds = {field.name: type(field.default) for field in fields(self)}
        cast: dict[str, Any] = {}
        for name, value in changes.items():
            if name not in kinds:
                raise ValueError(f"no switch {name}, expected one of {', '.join(kinds)}")
            if kinds[name] is bool and isinstance(value, str):
                value = value.lower() in ("1", "true", "yes", "on")
            cast[name] = kinds[name](value)
        return replace(self, **cast)
