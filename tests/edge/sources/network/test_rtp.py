"""RTP by the letter of RFC 3550, 6184, 7798 and 2435. The packets are made here; tests beside take a camera's."""

import struct

import numpy as np
import pytest
import simplejpeg

from edge.sources.network.access_units import START_CODE, H264Rules, H265Rules, NalDepacketiser, renewed
from edge.sources.network.rtp import Resequencer, RtpPacket, receiver_report, rtp_packet, sender_report
from edge.sources.network.rtp_jpeg import JpegDepacketiser, _scaled

MS = 1_000_000


def packet(sequence, *, timestamp=0, payload=b"\x61ab", marker=True, ssrc=1, arrived_ns=0):
    return RtpPacket(96, sequence & 0xFFFF, timestamp, marker, ssrc, payload, arrived_ns)


def given(resequencer, packets):
    return [(one.sequence, gap) for each in packets for one, gap in resequencer.push(each)]


def test_a_packet_is_read_with_its_extension_and_padding():
    head = struct.pack("!BBHII", 0x80 | 0x20 | 0x10 | 1, 0x80 | 96, 7, 1234, 99)
    content = head + bytes(4) + struct.pack("!HH", 0xBEDE, 1) + b"EXT!" + b"payload" + b"\0\0\3"
    found = rtp_packet(content, 5)
    assert found == RtpPacket(96, 7, 1234, True, 99, b"payload", 5)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x80" * 11, b"\x00" * 40, b"\x90" + bytes(11), b"\xa0" + bytes(11) + b"\xff", b"\x8f" + bytes(20)],
)
def test_what_is_no_packet_is_none(content):
    assert rtp_packet(content, 0) is None


def test_numbers_wrap_and_early_ones_wait():
    order = [65534, 65535, 1, 0, 2]
    assert given(Resequencer(), map(packet, order)) == [(n, False) for n in (65534, 65535, 0, 1, 2)]


def test_a_lost_packet_is_told_once_by_time_or_by_number():
    by_time = [packet(n, arrived_ns=n * 30 * MS) for n in (1, 2, 4, 5, 6, 7)]
    assert given(Resequencer(), by_time) == [(1, False), (2, False), (4, True), (5, False), (6, False), (7, False)]
    by_number = [packet(n) for n in (1, *range(3, 70))]
    found = given(Resequencer(), by_number)
    assert found[:2] == [(1, False), (3, True)] and found[2:] == [(n, False) for n in range(4, len(found) + 2)]


def test_doubled_and_late_ones_are_dropped_and_a_camera_that_counts_anew_is_followed():
    found = given(Resequencer(), map(packet, [5, 6, 6, 5, 7]))
    assert found == [(5, False), (6, False), (7, False)]
    assert given(Resequencer(), map(packet, [40000, 40001, 9])) == [(40000, False), (40001, False), (9, True)]
    other = [packet(1), packet(2), packet(77, ssrc=2), packet(78, ssrc=2)]
    assert given(Resequencer(), other) == [(1, False), (2, False), (77, True), (78, False)]


def test_reports():
    report = struct.pack("!BBHIIIII", 0x80, 200, 6, 9, 3_988_000_000, 1 << 31, 4242, 0) + bytes(4)
    found = sender_report(b"\x81\xc9\x00\x01\0\0\0\1" + report)
    assert found is not None
    assert (found.ssrc, found.timestamp) == (9, 4242)
    assert found.time_of_day_ns == (3_988_000_000 - 2_208_988_800) * 10**9 + 500_000_000
    assert sender_report(struct.pack("!BBHIIIII", 0x80, 200, 6, 9, 0, 0, 4242, 0) + bytes(4)) is None, "no clock"
    assert sender_report(b"\x80\xc8") is None
    assert len(receiver_report(1, 2, 3)) == 32


def pictures(depacketiser, packets):
    return [found for one, gap in packets for found in depacketiser.push(one, is_after_gap=gap)]


SPS, PPS, IDR, SLICE, SEI = b"\x67sps", b"\x68pps", b"\x65" + bytes(range(1, 200)), b"\x41slice", b"\x06sei"


def fragments(unit, num, **options):
    size = -(-len(unit) // num)
    pieces = [unit[1:][at : at + size] for at in range(0, len(unit) - 1, size)]
    for place, piece in enumerate(pieces):
        flags = (0x80 if place == 0 else 0) | (0x40 if place == len(pieces) - 1 else 0)
        yield bytes([unit[0] & 0xE0 | 28, flags | unit[0] & 31]) + piece


def test_h264_single_aggregated_and_in_fragments():
    aggregate = b"\x78" + b"".join(struct.pack("!H", len(unit)) + unit for unit in (SPS, PPS, SEI))
    payloads = [aggregate, *fragments(IDR, 3)]
    packets = [(packet(n, payload=p, marker=n == len(payloads) - 1), False) for n, p in enumerate(payloads)]
    packets.append((packet(9, timestamp=1, payload=SLICE), False))
    key, other = pictures(NalDepacketiser(H264Rules()), packets)
    assert key.content == b"".join(START_CODE + unit for unit in (SPS, PPS, IDR)), "SEI is left out"
    assert key.parameter_sets == (SPS, PPS)
    assert key.is_key and key.is_whole and not other.is_key
    assert other.content == START_CODE + SLICE


@pytest.mark.parametrize("lost", range(4))
def test_a_picture_of_which_a_packet_is_missing_is_never_whole(lost):
    payloads = list(fragments(IDR, 4))
    kept = [(n, p) for n, p in enumerate(payloads) if n != lost]
    packets = [
        (packet(n, payload=p, marker=n == 3), (place > 0 and n != kept[place - 1][0] + 1) or (place == 0 and n > 0))
        for place, (n, p) in enumerate(kept)
    ]
    packets.append((packet(9, timestamp=1, payload=SLICE), lost == 3))
    assert not pictures(NalDepacketiser(H264Rules()), packets)[0].is_whole


def test_a_picture_without_its_marker_ends_where_the_time_changes():
    packets = [(packet(n, timestamp=n // 2, payload=SLICE, marker=False), False) for n in range(5)]
    found = pictures(NalDepacketiser(H264Rules()), packets)
    assert [one.content for one in found] == [(START_CODE + SLICE) * 2] * 2
    assert all(one.is_whole for one in found)


def test_h265_fragments_and_parameter_sets():
    vps, sps, pps = (bytes([kind << 1, 1]) + b"x" for kind in (32, 33, 34))
    idr = bytes([19 << 1, 1]) + bytes(range(100))
    pieces = [idr[2:40], idr[40:]]
    flags = [0x80, 0x40]
    payloads = [
        vps,
        sps,
        pps,
        *(bytes([49 << 1, 1, flag | 19]) + piece for flag, piece in zip(flags, pieces, strict=True)),
    ]
    packets = [(packet(n, payload=p, marker=n == len(payloads) - 1), False) for n, p in enumerate(payloads)]
    (found,) = pictures(NalDepacketiser(H265Rules()), packets)
    assert found.content.endswith(START_CODE + idr) and found.is_key and found.is_whole
    assert found.parameter_sets == (vps, sps, pps)
    newer = (bytes([34 << 1, 1]) + b"y",)
    assert renewed(found.parameter_sets, newer, H265Rules()) == (vps, sps, *newer)


@pytest.mark.parametrize("payload", [b"", b"\x7c", b"\x7c\x85", b"\x78\x00", b"\x78\x00\x05a", b"\x78\xff\xff"])
def test_broken_payloads_are_no_whole_pictures(payload):
    found = pictures(NalDepacketiser(H264Rules()), [(packet(0, payload=payload), False)])
    assert not [one for one in found if one.is_whole and one.content]


def jpeg_payloads(width_px, height_px, tables, scan, size=500, quality=255, kind=1):
    for at in range(0, len(scan), size):
        head = bytes([0]) + at.to_bytes(3, "big") + bytes([kind, quality, width_px // 8, height_px // 8])
        told = struct.pack("!BBH", 0, 0, len(tables)) + tables if at == 0 and quality > 127 else b""
        yield head + told + scan[at : at + size]


@pytest.mark.parametrize("quality", [255, 75])
def test_motion_jpeg_gets_its_headers_back(quality):
    smooth = np.add.outer(np.arange(64), np.arange(96)).astype(np.uint8)
    image = np.stack([smooth, smooth[::-1], 255 - smooth], axis=2)
    jpeg = simplejpeg.encode_jpeg(image, 75, colorsubsampling="420")
    scan = jpeg[jpeg.index(b"\xff\xda") + 14 :]
    payloads = list(jpeg_payloads(96, 64, _scaled(75), scan, size=100, quality=quality))
    packets = [(packet(n, payload=p, marker=n == len(payloads) - 1), False) for n, p in enumerate(payloads)]
    (found,) = pictures(JpegDepacketiser(), packets)
    assert found.is_whole
    assert np.array_equal(simplejpeg.decode_jpeg(found.content, "RGB"), simplejpeg.decode_jpeg(jpeg, "RGB"))
    (cut,) = pictures(JpegDepacketiser(), packets[:1] + [(one, n == 0) for n, (one, _) in enumerate(packets[2:])])
    assert not cut.is_whole
