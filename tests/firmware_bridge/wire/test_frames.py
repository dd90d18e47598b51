"""Bytes to frames and back, in Python and in C: check values, shared vectors, damage of every kind."""

from __future__ import annotations

import json
import os
import random
import subprocess
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.device.c_device import SANITIZERS, compiled
from firmware_bridge.wire import vectors
from firmware_bridge.wire.frames import MAX_COBS_BYTES, Frame, FrameDecoder, sent_bytes, wire_from_frame
from firmware_bridge.wire.messages import Ping, frame_from_message
from tests.doubles.line_bench import NEEDS_COMPILER

VECTORS = json.loads(vectors.PATH.read_text())
FUZZ_SCALE = float(os.environ.get("FUZZ_SCALE", "0.01"))
"""1 is 10,000,000 random bytes and 1,000,000 mutated frames, as `make fuzz` runs it."""

a_frame = st.builds(Frame, st.integers(0, 255), st.integers(0, 0xFFFF), st.binary(max_size=64), st.integers(0, 255))
noise = st.binary(max_size=300)


def test_the_checksum_has_the_check_value_of_its_standard():
    assert zlib.crc32(b"123456789") == 0xCBF43926  # IEEE 802.3, as every CRC catalogue lists it


def test_a_frame_written_out_by_hand():
    """COBS and CRC-32 of PING, worked out on paper from docs/firmware-protocol.md."""
    body = bytes.fromhex("10 09 01 00 78 56 34 12")
    crc = zlib.crc32(body).to_bytes(4, "little")
    assert (
        wire_from_frame(frame_from_message(Ping(0x12345678), 1))
        == b"\x04\x10\x09\x01\x09\x78\x56\x34\x12" + crc + b"\0"
    )
    assert 0 not in crc


def test_there_are_enough_vectors_and_the_file_is_what_the_generator_makes():
    assert vectors.PATH.read_text() == vectors.file_text()
    assert len(VECTORS) >= 200
    assert sum(not vector["valid"] for vector in VECTORS) >= 50
    assert len({vector["name"] for vector in VECTORS}) == len(VECTORS)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vectors(vector):
    wire = bytes.fromhex(vector["wire"])
    found = FrameDecoder().feed(wire)
    if vector["valid"]:
        frame = Frame(vector["type"], vector["seq"], bytes.fromhex(vector["payload"]))
        assert found == [frame]
        assert wire_from_frame(frame) == wire
    else:
        assert found == []


@NEEDS_COMPILER
def test_c_agrees_with_python_byte_for_byte_on_the_vectors():
    program = compiled("check_vectors", SANITIZERS)
    lines = "".join(vector["wire"] + "\n" for vector in VECTORS)
    answers = subprocess.run([program], input=lines, capture_output=True, text=True, check=True).stdout.splitlines()
    wanted = [f"{v['type']} {v['seq']} {v['payload'] or '.'} {v['wire']}" if v["valid"] else "-" for v in VECTORS]
    assert answers == wanted


@given(st.lists(a_frame, max_size=12), st.data())
def test_frames_come_back_however_the_bytes_are_cut(sent, data):
    wire = b"".join(map(sent_bytes, sent))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=20)))
    decoder = FrameDecoder()
    found = [frame for a, b in pairwise([0, *cuts, len(wire)]) for frame in decoder.feed(wire[a:b])]
    assert found == sent
    assert decoder.counts.bad == 0


@given(noise, a_frame)
def test_after_any_noise_the_next_frame_is_received(before, frame):
    decoder = FrameDecoder()
    decoder.feed(before)
    assert decoder.feed(sent_bytes(frame)) == [frame]


@given(st.lists(noise, max_size=8))
def test_the_decoder_keeps_no_more_than_a_frame(pieces):
    decoder = FrameDecoder()
    for piece in pieces:
        decoder.feed(piece)
        assert len(decoder._rest) <= MAX_COBS_BYTES


@given(a_frame, st.data())
def test_damage_never_makes_another_frame(frame, data):
    wire = bytearray(wire_from_frame(frame))
    at = data.draw(st.integers(0, len(wire) - 1))
    wire[at] ^= data.draw(st.integers(1, 255))
    assert FrameDecoder().feed(bytes(wire) + b"\0") in ([], [frame])  # it survives where only its end was altered


@pytest.mark.parametrize(
    "frame",
    [Frame(1, 0, bytes(65)), Frame(256, 0), Frame(-1, 0), Frame(1, 65536), Frame(1, 0, b"", 256)],
    ids=["payload", "type", "negative type", "seq", "version"],
)
def test_what_does_not_fit_a_frame_is_refused(frame):
    with pytest.raises(ValueError, match=r"payload of 65|expected 8, 16 and 8 bits"):
        wire_from_frame(frame)


def test_each_kind_of_damage_is_counted():
    good = wire_from_frame(Frame(9, 7, b"abcd"))
    decoder = FrameDecoder()
    decoder.feed(good[:3] + b"\0" + b"\x01" * 200 + b"\0")
    decoder.feed(b"\xff" + good[1:])
    decoder.feed(good[:-2] + bytes((good[-2] ^ 1,)) + b"\0")
    decoder.feed(good)
    counts = decoder.counts
    assert (counts.bad_length, counts.bad_cobs, counts.bad_crc, counts.frames) == (2, 1, 1, 1)


def test_random_bytes_give_no_frame():
    draw, decoder = random.Random(5), FrameDecoder()
    num_pieces = round(2500 * FUZZ_SCALE)
    for _ in range(num_pieces):
        assert decoder.feed(draw.randbytes(4000)) == []
    assert decoder.counts.num_bytes == 4000 * num_pieces


def test_mutated_frames_are_dropped_and_the_next_one_is_received():
    draw = random.Random(7)
    decoder = FrameDecoder()
    num_mutated = round(1_000_000 * FUZZ_SCALE)
    for _ in range(num_mutated):
        frame = Frame(draw.randrange(256), draw.randrange(65536), draw.randbytes(draw.randrange(65)))
        following = Frame(draw.randrange(256), draw.randrange(65536), draw.randbytes(draw.randrange(65)))
        found = decoder.feed(mutated(sent_bytes(frame), draw)) + decoder.feed(sent_bytes(following))
        assert found in ([following], [frame, following]), "a frame that was not sent, or one that was missed"
    assert decoder.counts.bad > 0.5 * num_mutated


def mutated(wire, draw):
    """One to four changes: a byte altered, lost, put in or repeated; the end cut off."""
    damaged = bytearray(wire)
    for _ in range(draw.randint(1, 4)):
        if not damaged:
            break
        at, kind = draw.randrange(len(damaged)), draw.randrange(5)
        if kind == 0:
            damaged[at] ^= draw.randrange(1, 256)
        elif kind == 1:
            del damaged[at]
        elif kind == 2:
            damaged.insert(at, draw.randrange(256))
        elif kind == 3:
            damaged.insert(at, damaged[at])
        else:
            del damaged[at:]
    return bytes(damaged)


@NEEDS_COMPILER
@pytest.mark.parametrize("seed", ["7", pytest.param("9", id="9, with a key")])
def test_the_device_in_c_survives_the_same_with_sanitizers(seed):
    program = compiled("fuzz", SANITIZERS)
    sizes = [str(round(10_000_000 * FUZZ_SCALE)), str(round(1_000_000 * FUZZ_SCALE))]
    ran = subprocess.run([program, seed, *sizes], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "0 forged, 0 missed" in ran.stdout
