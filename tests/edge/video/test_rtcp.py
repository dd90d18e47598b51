"""Reports: read from a receiver, written by a sender."""

from __future__ import annotations

import struct

import pytest

from edge.video.rtcp import goodbye, lost_share, sender_report


def block(lost: int) -> bytes:
    return struct.pack(">IB", 7, lost) + bytes(19)


RECEIVER = struct.pack(">BBHI", 0x81, 201, 7, 1)
SENDER = struct.pack(">BBHI", 0x81, 200, 12, 1) + bytes(20)
PLI = struct.pack(">BBHII", 0x81, 206, 2, 1, 2)
EMPTY = struct.pack(">BBHI", 0x80, 201, 1, 1)


@pytest.mark.parametrize(
    ("compound", "share"),
    [
        pytest.param(RECEIVER + block(64), 0.25, id="a receiver's"),
        pytest.param(SENDER + block(128), 0.5, id="a sender's"),
        pytest.param(PLI + RECEIVER + block(0), 0.0, id="behind another"),
        pytest.param(EMPTY, None, id="one that has received nothing"),
        pytest.param(RECEIVER + block(64)[:10], None, id="cut"),
        pytest.param(b"", None, id="empty"),
        pytest.param(b"\x81\xc9\xff\xff", None, id="longer than it is"),
        pytest.param(b"\x81\xc9\x00\x00" * 3, None, id="shorter than it can be"),
    ],
)
def test_a_receivers_losses(compound: bytes, share: float | None) -> None:
    assert lost_share(compound) == share


def test_a_senders_report_tells_the_time_of_day() -> None:
    report = sender_report(0x01020304, 1_700_000_000_500_000_000, 90_000, 5, 6000, "edge-enhance")
    kind, words, ssrc, seconds, rest, rtp_time, packets, size = struct.unpack(">xBHIIIIII", report[:28])
    assert (kind, words, ssrc) == (200, 6, 0x01020304)
    assert seconds + rest / 2**32 == 1_700_000_000.5 + 2_208_988_800  # RFC 3550, section 4: from 1900
    assert (rtp_time, packets, size) == (90_000, 5, 6000)
    assert b"edge-enhance\0" in report[28:]
    assert len(report) % 4 == 0
    assert len(report[28:]) == 4 * (1 + int.from_bytes(report[30:32], "big"))
    assert goodbye(0x01020304) == bytes.fromhex("81cb000101020304")
