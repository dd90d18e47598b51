"""A session beside other versions, other devices and silence. In simulated time."""

from __future__ import annotations

import pytest

from firmware_bridge.errors import CommandFailed, PortError, VersionMismatch
from firmware_bridge.wire.frames import Frame, FrameDecoder, sent_bytes
from firmware_bridge.wire.messages import Ack, Button, Heartbeat, Nak, NakReason, Param, SetHeater, SetParam

MS_NS = 1_000_000


def test_unknown_types_are_answered_nak_by_both_sides(bench):
    bench.down.put(sent_bytes(Frame(0x1F, 40, b"xyz")), bench.now_ns)
    bench.step()
    nak = FrameDecoder().feed(bench.up.take(bench.now_ns))[-1]
    assert (nak.type, nak.seq, nak.payload) == (Nak.TYPE, 40, bytes((0x1F, NakReason.UNKNOWN_TYPE)))
    bench.session.receive(sent_bytes(Frame(0x2F, 41)), bench.now_ns)
    nak = FrameDecoder().feed(bench.session.take_output())[-1]
    assert (nak.type, nak.seq, nak.payload) == (Nak.TYPE, 41, bytes((0x2F, NakReason.UNKNOWN_TYPE)))


def test_a_newer_minor_version_may_append_fields(bench):
    longer = Frame(SetParam.TYPE, 30, SetParam(Param.SYNC_DELAY_US, 5).payload() + b"new", version=0x17)
    bench.down.put(sent_bytes(longer), bench.now_ns)
    bench.step()
    assert bench.effects == [5]
    bench.session.receive(
        sent_bytes(Frame(Button.TYPE, 1, Button(1, 9).payload() + b"new", version=0x17)), bench.now_ns
    )
    assert bench.events == [Button(1, 9)]


def test_extra_bytes_of_the_same_version_are_refused(bench):
    bench.down.put(sent_bytes(Frame(SetParam.TYPE, 30, SetParam(1, 5).payload() + b"new")), bench.now_ns)
    bench.step()
    nak = FrameDecoder().feed(bench.up.take(bench.now_ns))[-1]
    assert nak.payload == bytes((SetParam.TYPE, NakReason.BAD_LENGTH))
    assert bench.effects == []


@pytest.mark.parametrize("version, todo", [(0x20, "update edge-enhance"), (0x09, "update the firmware")])
def test_another_major_version_is_refused_by_the_host_and_says_which_side_to_update(bench, version, todo):
    bench.session.receive(sent_bytes(Frame(Ack.TYPE, 1, b"\1", version)), bench.now_ns)
    assert isinstance(bench.session.failure, VersionMismatch)
    assert todo in str(bench.session.failure)
    assert f"{version >> 4}.{version & 15}" in str(bench.session.failure)


def test_another_major_version_is_refused_by_the_device(bench):
    bench.down.put(sent_bytes(Frame(SetParam.TYPE, 9, SetParam(1, 5).payload(), version=0x20)), bench.now_ns)
    bench.step()
    nak = FrameDecoder().feed(bench.up.take(bench.now_ns))[-1]
    assert (nak.version, nak.payload) == (0x10, bytes((SetParam.TYPE, NakReason.WRONG_VERSION)))
    assert bench.effects == []


def test_silence_from_the_start_is_the_wrong_device_within_two_seconds(bench):
    bench.hung = True
    bench.reopen()
    begun_ns = bench.now_ns
    bench.until(lambda: bench.session.failure is not None)
    assert "no HELLO within 2 s" in str(bench.session.failure)
    assert 2000 <= (bench.now_ns - begun_ns) / MS_NS <= 2100


def test_a_port_that_echoes_is_no_camera_head(bench):
    bench.reopen()
    for _ in range(50):
        bench.session.poll(bench.now_ns)
        bench.session.receive(bench.session.take_output(), bench.now_ns)
        bench.now_ns += 60 * MS_NS
    assert bench.session.identity is None
    assert "no HELLO within 2 s" in str(bench.session.failure)


def test_a_device_that_hangs_is_noticed_within_a_second(bench):
    bench.run(1000)
    bench.hung = True
    begun_ns = bench.now_ns
    bench.until(lambda: bench.session.failure is not None)
    assert isinstance(bench.session.failure, PortError)
    assert bench.session.next_wake_ns() <= bench.now_ns, "the owner learns of it at once, not at the next heartbeat"
    assert (bench.now_ns - begun_ns) / MS_NS <= 1000


def test_commands_that_wait_when_the_link_is_lost_get_an_error(bench):
    bench.hung = True
    futures = [bench.session.submit(SetHeater(level)) for level in (1, 2, 3)]
    bench.until(lambda: bench.session.failure is not None)
    assert all(isinstance(future.exception(), CommandFailed) for future in futures)
    with pytest.raises(CommandFailed, match="was not sent"):
        bench.session.submit(Heartbeat())
