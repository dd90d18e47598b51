"""The devices in C and in Python, given the same, do the same; and nothing that a line may carry stops either side."""

from __future__ import annotations

import random

import pytest

from firmware_bridge.device.c_device import SANITIZERS, CDevice
from firmware_bridge.device.device import PythonDevice
from firmware_bridge.device.interface import Identity, Sensors
from firmware_bridge.host.texts import status_rows
from firmware_bridge.wire import vectors
from firmware_bridge.wire.frames import Frame, sent_bytes
from firmware_bridge.wire.messages import Ack, Hello, ResetCause, Status, frame_from_message, message_from_frame
from tests.doubles.line_bench import NEEDS_COMPILER


def drawn_frame(draw: random.Random, seq: int) -> Frame:
    """Mostly requests in order; also repeats, old ones, other versions, wrong lengths and unknown types."""
    kind = draw.random()
    if kind < 0.08:
        return Frame(
            draw.randrange(256), draw.randrange(65536), draw.randbytes(draw.randrange(65)), draw.choice((16, 17, 32))
        )
    message = vectors._message(draw.choice(vectors.MESSAGES), draw)
    payload = message.payload()
    if kind < 0.14:
        payload = payload[:-1] if kind < 0.11 else payload + b"x"
    if kind < 0.3:  # values that a careful host would never send
        payload = draw.randbytes(len(payload))
    seq = draw.choice((seq, seq, seq, seq - 1, seq - draw.randrange(9), seq + 0x8000)) & 0xFFFF
    return Frame(message.TYPE, seq, payload, draw.choice((0x10, 0x10, 0x10, 0x13)))


def drawn_sensors(draw: random.Random) -> Sensors:
    def maybe(value: int) -> int | None:
        return None if draw.random() < 0.05 else value

    return Sensors(
        maybe(draw.randint(2000, 4110)),
        maybe(draw.randint(2000, 8510)),
        maybe(draw.randint(0, 1000)),
        maybe(draw.randint(-900, 900)),
        draw.choice((5000, 4400)),
        draw.randrange(1200),
        draw.choice((0, 0, 0, 8)),
    )


@NEEDS_COMPILER
@pytest.mark.parametrize("seed", range(8))
def test_both_devices_answer_the_same_bytes_and_give_the_same_light(seed):
    draw = random.Random(seed)
    identity = Identity(f"TEST-{seed}", num_leds=seed % 5, capabilities=draw.randrange(32))
    in_c, in_python = CDevice(identity, SANITIZERS), PythonDevice(identity)
    now_us, seq, pressed, effects = 0, 0, False, 0
    try:
        for _ in range(400):
            now_us += draw.choice((1000, 4000, 60_000, 900_000, 2_500_000))
            seq = (seq + draw.randrange(3)) & 0xFFFF
            pressed ^= draw.random() < 0.2
            frames = [drawn_frame(draw, seq) for _ in range(draw.randrange(4))]
            if draw.random() < 0.1:
                frames.append(frame_from_message(Hello(draw.randrange(3), 1, 0, 0, 0, 0, "host"), seq))
            received = b"".join(map(sent_bytes, frames)) + draw.randbytes(draw.choice((0, 0, 7)))
            given = {"pressed": pressed, "exposure_us": now_us - 9 if draw.random() < 0.3 else None}
            sensors = drawn_sensors(draw)
            seen_in_c = in_c.step(now_us, received, sensors, **given)
            assert seen_in_c == in_python.step(now_us, received, sensors, **given)
            effects += seen_in_c.effects > 0
            if seen_in_c.wants_restart or draw.random() < 0.01:
                cause = draw.choice(tuple(ResetCause))
                in_c.start(cause)
                in_python.start(cause)
                now_us = 0
        assert effects > 20, "frames that were drawn were carried out"
    finally:
        in_c.close()


def test_no_frame_that_a_line_may_carry_stops_the_host(bench):
    draw = random.Random(3)
    for number in range(3000):
        frame = drawn_frame(draw, number & 0xFFFF)
        if frame.version >> 4 == 1:  # another major version ends the session, as it should
            bench.session.receive(sent_bytes(frame), bench.now_ns)
        bench.session.take_output()
    assert bench.session.identity is not None


def test_values_of_a_newer_firmware_are_shown_by_number():
    from firmware_bridge.host.bridge import Snapshot

    newer = Status(1, 0, (0, 0, 0, 0), 0, None, None, None, None, 5000, 0x8000, 99, 77)
    identity = Hello(1, 2, 0, 0, 4, 0xFFFF, "NEW")
    counts = dict.fromkeys(("requests", "retries", "failed", "frames", "bad_frames"), 0)
    rows = dict(status_rows(Snapshot(True, "", "/dev/x", identity, newer, 0.1, 0, counts)))
    assert rows["faults"] == "unknown bits 0x8000"
    assert "unknown (99)" in rows["running for"]
    assert "state 77" in rows["light"]
    assert message_from_frame(Frame(Ack.TYPE, 1, b"\x99")) == Ack(0x99)
