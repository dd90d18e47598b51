"""H.264 in packets, held to the reading side of the unit's own network cameras."""

from __future__ import annotations

import struct
import time

import pytest

from edge.video.rtsp import packets
from edge.video.rtsp.packets import RtpSender, format_of, nals_of, payloads_of
from tests.doubles.scripted_video import PPS, SPS, access_unit
from tests.doubles.waiting import GUARD_S


@pytest.mark.parametrize(
    ("unit", "nals"),
    [
        pytest.param(b"\0\0\0\1\x67ab\0\0\1\x68c\0\0\0\1\x65d", [b"\x67ab", b"\x68c", b"\x65d"], id="both start codes"),
        pytest.param(b"\0\0\1\x65d\0\0\0", [b"\x65d"], id="zeros behind it"),
        pytest.param(b"", [], id="empty"),
        pytest.param(b"no start code", [], id="none"),
        pytest.param(b"\0\0\1\0\0\1\x65", [b"\x65"], id="empty between"),
    ],
)
def test_nals(unit: bytes, nals: list[bytes]) -> None:
    assert [bytes(nal) for nal in nals_of(unit)] == nals


@pytest.mark.parametrize("num_bytes", [1, 1379, 1380, 1381, 2757, 2758, 100_000])
def test_what_is_cut_for_packets_is_whole_again(num_bytes: int) -> None:
    unit = access_unit(is_whole=True, num_bytes=num_bytes)
    whole: list[bytes] = []
    for payload in payloads_of(unit):
        assert len(payload) <= 1380
        if payload[0] & 0x1F != 28:
            whole.append(payload)
        elif payload[1] & 0x80:
            whole.append(bytes((payload[0] & 0xE0 | payload[1] & 0x1F,)) + payload[2:])
        else:
            whole[-1] += payload[2:]
    assert whole == [bytes(nal) for nal in nals_of(unit)]
    fragments = [payload[1] >> 6 for payload in payloads_of(unit) if payload[0] & 0x1F == 28]
    assert fragments in ([], [2, *[0] * (len(fragments) - 2), 1])


def test_a_format_names_profile_and_parameter_sets() -> None:
    assert format_of(access_unit(is_whole=False)) == ""
    told = format_of(access_unit(is_whole=True))
    assert "packetization-mode=1;profile-level-id=42C028;" in told
    assert told.endswith("sprop-parameter-sets=Z0LAKJWgHgCJ+WEAAAMAAQAAAwAyDxgyoA==,aM48gA==")
    assert (SPS[0] & 0x1F, PPS[0] & 0x1F) == (7, 8)


def test_packets_are_numbered_and_the_last_of_a_picture_is_marked() -> None:
    sender = RtpSender()
    first, begin = sender.next_seq, sender.packets([b"a", b"b", b"c"], 10**9)
    heads = [struct.unpack(">BBHII", packet[:12]) for packet in begin]
    assert [head[2] for head in heads] == [(first + number) & 0xFFFF for number in range(3)]
    assert [head[1] >> 7 for head in heads] == [0, 0, 1]
    later = struct.unpack(">BBHII", sender.packets([b"d"], 10**9 + 33_000_000)[0][:12])
    assert (later[3] - heads[0][3]) & 0xFFFFFFFF == 33 * 90
    assert sender.next_seq == (first + 4) & 0xFFFF


def test_a_report_maps_the_time_of_day_to_the_times_of_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packets, "REPORT_EACH_S", GUARD_S)
    sender = RtpSender()
    before_s, taken_ns, after_s = time.time(), time.monotonic_ns(), time.time()
    rtp_of_picture = struct.unpack(">I", sender.packets([b"a"], taken_ns)[0][4:8])[0]
    time.sleep(0.01)
    report = sender.report()
    assert report is not None
    seconds, rest, rtp_time = struct.unpack(">III", report[8:20])
    unix_s = seconds - 2_208_988_800 + rest / 2**32
    told_s = unix_s - ((rtp_time - rtp_of_picture) & 0xFFFFFFFF) / 90_000
    assert before_s - 0.005 <= told_s <= after_s + 0.005
    assert sender.report() is None, "once in a while"
