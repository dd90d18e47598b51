"""What is taken of a viewer's offer, and what is refused."""

from __future__ import annotations

import pytest

from edge.basics.errors import UsageError
from edge.video.sdp import wish_of

OFFER = """v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=video 9 UDP/TLS/RTP/SAVPF 96 97 103 104 108 109
c=IN IP4 0.0.0.0
a=candidate:1 1 udp 2113937151 b2f5d10c-2a5f-4d1c-9d3b-2f6b6f9a5a01.local 51194 typ host
a=candidate:2 1 udp 1677729535 198.51.100.7 51194 typ srflx raddr 0.0.0.0 rport 0
a=ice-ufrag:BqIA
a=ice-pwd:abcdabcdabcdabcdabcdabcd
a=fingerprint:sha-256 7B:8B:F0:65
a=setup:actpass
a=mid:0
a=recvonly
a=rtcp-mux
a=rtpmap:96 VP8/90000
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:103 H264/90000
a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rtpmap:104 H264/90000
a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f
a=rtpmap:108 H264/90000
a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtpmap:109 rtx/90000
a=fmtp:109 apt=108
"""
"""As Chromium 156 makes it, shortened."""


def test_constrained_baseline_in_packets_as_we_make_them_is_chosen() -> None:
    wish = wish_of(OFFER.encode())
    assert (wish.payload, wish.profile) == (108, "42e01f")


def test_no_address_of_the_offer_is_ever_spoken_to() -> None:
    assert "candidate" in OFFER
    kept = wish_of(OFFER.encode()).sdp
    assert "candidate" not in kept
    assert ".local" not in kept
    assert "198.51.100.7" not in kept
    assert "a=ice-ufrag:BqIA\r\n" in kept


def test_another_profile_where_there_is_no_constrained_baseline() -> None:
    offer = OFFER.replace("a=rtpmap:108 H264/90000", "a=rtpmap:108 AV1/90000")
    assert (wish_of(offer.encode()).payload, wish_of(offer.encode()).profile) == (103, "42001f")


@pytest.mark.parametrize(
    ("offer", "told"),
    [
        pytest.param(b"", "no SDP", id="nothing"),
        pytest.param(b"\xff\xfe", "no text", id="bytes"),
        pytest.param(b'{"type": "offer"}', "no SDP", id="JSON"),
        pytest.param(OFFER.replace("m=video", "m=audio").encode(), "audio", id="audio"),
        pytest.param((OFFER + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\n").encode(), "application", id="data"),
        pytest.param(OFFER.replace("a=ice-ufrag", "a=x").encode(), "ice-ufrag", id="no ICE"),
        pytest.param(OFFER.replace("a=fingerprint", "a=x").encode(), "fingerprint", id="not encrypted"),
        pytest.param(OFFER.replace("a=recvonly", "a=sendonly").encode(), "recvonly", id="it would send"),
        pytest.param(OFFER.replace("H264", "H265").encode(), "no H.264", id="another codec"),
        pytest.param(OFFER.replace("packetization-mode=1", "packetization-mode=0").encode(), "no H.264", id="packets"),
        pytest.param(OFFER.replace("42e01f", "zz").replace("42001f", "4200").encode(), "no H.264", id="profile"),
        pytest.param(OFFER.replace(":108", ":999").replace(":103", ":70").encode(), "no H.264", id="numbers"),
    ],
)
def test_refused_in_one_line(offer: bytes, told: str) -> None:
    with pytest.raises(UsageError, match=told) as refused:
        wish_of(offer)
    assert "\n" not in str(refused.value)
