"""Reading a viewer's offer, and taking from it what would have this unit speak to others."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge.basics.errors import UsageError

_RTPMAP = re.compile(r"a=rtpmap:(\d{1,3}) H264/90000$", re.I)
_FMTP = re.compile(r"a=fmtp:(\d{1,3}) (.*)$", re.I)
_BASELINE, _CONSTRAINED = "42", 0x40
_DYNAMIC = {*range(35, 64), *range(96, 128)}
"""Payload numbers that stand for what the SDP says, apart from those of RTCP (RFC 5761, section 4)."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What an offer wants.

    Attributes:
        sdp: without its candidates: the unit answers who speaks to it and speaks to nobody first, so no viewer can
            have it send packets elsewhere. What a browser calls NAME.local needs no looking up then either.
        payload: number of H.264 in packets as we make them.
        profile: its `profile-level-id`.
    """

    sdp: str
    payload: int
    profile: str


def wish_of(offer: bytes) -> Wish:
    """Read an offer (RFC 8829; RFC 6184 for H.264).

    Raises:
        UsageError: it is none, or none that we can serve; one line.
    """
    try:
        lines = offer.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise UsageError("the offer is no text") from None
    if not lines or lines[0].strip() != "v=0":
        raise UsageError("the offer is no SDP: expected v=0 at its beginning")
    kinds = [line[2:].partition(" ")[0] for line in lines if line.startswith("m=")]
    if kinds != ["video"]:
        found = ", ".join(kinds)[:80] or "nothing"
        raise UsageError(f"the offer has {found}: expected one video, to be received, and nothing beside it")
    if not any(line.startswith("a=ice-ufrag:") for line in lines):
        raise UsageError("the offer has no a=ice-ufrag")
    if not any(line.startswith("a=fingerprint:") for line in lines):
        raise UsageError("the offer has no a=fingerprint: WebRTC is sent encrypted alone")
    if {"a=sendonly", "a=inactive"} & set(lines):
        raise UsageError("the offer wants to receive nothing: expected a=recvonly")
    kept = [line for line in lines if not line.startswith(("a=candidate:", "a=remote-candidates:"))]
    payload, profile = _h264(lines)
    return Wish("\r\n".join(kept) + "\r\n", payload, profile)


def _h264(lines: list[str]) -> tuple[int, str]:
    """Payload number and profile: Constrained Baseline, which every browser decodes, before any other."""
    payloads = {int(found[1]) for line in lines if (found := _RTPMAP.match(line.strip()))}
    formats: dict[int, dict[str, str]] = {}
    for line in lines:
        if found := _FMTP.match(line.strip()):
            pairs = (pair.strip().partition("=") for pair in found[2].split(";"))
            formats[int(found[1])] = {name.lower(): value for name, _, value in pairs}
    usable = {
        payload: profile
        for payload in sorted(payloads.intersection(_DYNAMIC))
        if formats.get(payload, {}).get("packetization-mode") == "1"
        and re.fullmatch("[0-9a-f]{6}", profile := formats[payload].get("profile-level-id", "42000a").lower())
    }
    for payload, profile in usable.items():
        if profile[:2] == _BASELINE and int(profile[2:4], 16) & _CONSTRAINED:
            return payload, profile
    for payload, profile in usable.items():
        return payload, profile
    raise UsageError("the offer has no H.264 with packetization-mode=1: another browser or player may have")
