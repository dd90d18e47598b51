"""A head with a key obeys the unit that has it, and nobody who listened: both devices, and on a pty."""

import json
import os
import re
import stat
import subprocess
import sys
import threading
from itertools import pairwise

import pytest

from firmware_bridge.device.interface import Flash, Identity
from firmware_bridge.errors import Refused
from firmware_bridge.host.keys import KeyFileWrong, key_path, new_key, read_key, write_key
from firmware_bridge.host.signer import FOREIGN, LOST, PAIRED, UNPAIRED, UNSIGNED
from firmware_bridge.wire.frames import Frame, FrameDecoder, sent_bytes
from firmware_bridge.wire.messages import (
    Capability,
    Hello,
    Nak,
    NakReason,
    Param,
    Reset,
    SetHeater,
    SetLed,
    SetParam,
    frame_from_message,
    message_from_frame,
)
from firmware_bridge.wire.pairing_messages import GetNonce, Signed
from firmware_bridge.wire.signing import pair_of, session_key, signed
from tests.doubles.waiting import GUARD_S
from tests.paths import REPOSITORY

CAN_PAIR = Identity(capabilities=int(Identity().capabilities | Capability.PAIRING))
KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
COMMAND = [sys.executable, "-m", "firmware_bridge.cli"]


def reopened(bench, key):
    bench.reopen(key_of=lambda serial: key)
    bench.open()
    return bench.session.signer.state


@pytest.fixture
def paired(make_bench):
    """A head that took KEY while its button was held, and a session of the unit that has it."""
    bench = make_bench(identity=CAN_PAIR)
    bench.open()
    assert bench.session.signer.state == UNPAIRED
    bench.pressed = True
    bench.run(20)
    assert bench.ask(pair_of(KEY)).exception() is None
    bench.pressed = False
    assert reopened(bench, KEY) == PAIRED
    return bench


class Recorder:
    """Keeps what goes to the device, as a stranger on the cable does."""

    def __init__(self, bench):
        self.heard = b""
        put = bench.down.put

        def heard_too(data, now_ns):
            self.heard += data
            put(data, now_ns)

        bench.down.put = heard_too

    def frames(self):
        return list(FrameDecoder().feed(self.heard))


def answers_to(bench, *frames):
    """What the device says to frames that the stranger sends in place of the host."""
    bench.host_alive = False
    bench.up.take(bench.now_ns + 10**9)
    bench.down.put(b"".join(map(sent_bytes, frames)), bench.now_ns)
    bench.run(50)
    heard = FrameDecoder().feed(bench.up.take(bench.now_ns + 10**9))
    return [message for frame in heard if (message := message_from_frame(frame)) is not None]


def next_seq(recorder):
    return recorder.frames()[-1].seq + 1


# ---- heads that have no key


def test_older_firmware_is_served_as_before(make_bench):
    bench = make_bench()
    assert reopened(bench, None) == UNSIGNED
    assert bench.ask(SetLed(0, 500)).exception() is None
    assert bench.outputs.led_permille[0] == 500
    assert bench.ask(GetNonce()).exception().reason == NakReason.UNKNOWN_TYPE
    bench.pressed = True
    bench.run(20)
    assert bench.ask(pair_of(KEY)).exception().reason == NakReason.UNKNOWN_TYPE


@pytest.mark.parametrize("identity", [Identity(), CAN_PAIR], ids=["older firmware", "key lost"])
def test_a_head_that_was_paired_and_asks_for_no_key_is_told_of(make_bench, identity):
    bench = make_bench(identity=identity)
    assert reopened(bench, KEY) == LOST
    assert bench.ask(SetLed(0, 500)).exception() is None


def test_a_head_that_was_never_paired_obeys_everybody(make_bench):
    bench = make_bench(identity=CAN_PAIR)
    assert reopened(bench, None) == UNPAIRED
    assert bench.ask(SetLed(0, 500)).exception() is None
    assert bench.outputs.led_permille[0] == 500


def test_a_key_is_taken_only_while_the_button_is_held(make_bench):
    bench = make_bench(identity=CAN_PAIR)
    bench.open()
    assert bench.ask(pair_of(KEY)).exception().reason == NakReason.NOT_CONFIRMED
    assert reopened(bench, None) == UNPAIRED


# ---- the paired unit


def test_the_paired_unit_is_obeyed_and_keeps_the_light_on(paired):
    for command in (SetLed(1, 700), SetHeater(300), SetParam(Param.SYNC_DELAY_US, 250)):
        assert paired.ask(command).exception() is None
    paired.run(12_000)
    assert paired.outputs.led_permille[1] == 700
    assert paired.outputs.heater_permille == 300
    assert paired.outputs.sync_delay_us == 250


def test_a_lost_answer_is_no_replay(paired):
    paired.up.faults = type(paired.up.faults)(drop=0.01)
    for level in range(100, 600, 100):
        paired.ask(SetLed(0, level))
    paired.up.faults = type(paired.up.faults)()
    assert paired.ask(SetLed(0, 650)).exception() is None
    assert paired.outputs.led_permille[0] == 650


def test_a_reset_needs_the_key_and_keeps_it(paired):
    assert paired.ask(Reset()).exception() is None
    paired.run(100)
    assert reopened(paired, KEY) == PAIRED
    assert paired.ask(SetLed(0, 300)).exception() is None


def test_a_host_that_lost_its_counter_begins_anew(paired):
    paired.ask(SetLed(0, 300))
    assert reopened(paired, KEY) == PAIRED
    paired.run(20)
    assert paired.outputs.led_permille[0] == 0, "dark until the paired unit asks again"
    assert paired.ask(SetLed(0, 400)).exception() is None


def test_the_key_can_be_taken_away_by_who_holds_the_button(paired):
    assert paired.ask(pair_of(bytes(32))).exception().reason == NakReason.NOT_CONFIRMED
    paired.pressed = True
    paired.run(20)
    assert paired.ask(pair_of(bytes(32))).exception() is None
    assert reopened(paired, None) == UNPAIRED
    assert paired.ask(SetLed(0, 300)).exception() is None


# ---- strangers


@pytest.mark.parametrize(
    "command",
    [SetLed(0, 500), SetHeater(500), SetParam(Param.SYNC_DELAY_US, 9), Reset()],
    ids=lambda one: type(one).__name__,
)
@pytest.mark.parametrize("key, state", [(None, FOREIGN), (OTHER, PAIRED)], ids=["no key", "wrong key"])
def test_without_the_key_nothing_is_switched(paired, command, key, state):
    assert reopened(paired, key) == state
    effects = paired.outputs.effects
    refused = paired.ask(command).exception()
    assert isinstance(refused, Refused) and refused.reason == NakReason.NOT_SIGNED
    assert "edge-bridge pair" in str(refused)
    paired.run(600)
    assert (paired.outputs.effects, paired.outputs.led_permille, paired.outputs.heater_permille) == (
        effects,
        (0,) * 4,
        0,
    )
    assert paired.session.status is not None, "it still tells how it is"


def test_a_command_is_not_carried_out_twice_in_a_session(paired):
    recorder = Recorder(paired)
    paired.ask(SetLed(0, 500))
    paired.ask(SetLed(0, 0))
    paired.run(20)
    old = next(frame for frame in recorder.frames() if frame.type == Signed.TYPE and frame.payload[4] == SetLed.TYPE)
    again = Frame(old.type, next_seq(recorder), old.payload)
    assert Nak(Signed.TYPE, NakReason.NOT_SIGNED) in answers_to(paired, again)
    assert paired.outputs.led_permille[0] == 0


@pytest.mark.parametrize("place", range(18))
def test_every_byte_counts(paired, place):
    recorder = Recorder(paired)
    paired.run(600)
    session, nonce = paired.session._session_id, (1 << 16) + 2  # of the first start, the second session
    payload = bytearray(signed(SetLed(0, 500), session_key(KEY, session, nonce, CAN_PAIR.serial), 10**6).payload())
    right = Frame(Signed.TYPE, next_seq(recorder) + 1, bytes(payload))
    payload[place] ^= 1
    wrong = Frame(Signed.TYPE, next_seq(recorder), bytes(payload))
    assert Nak(Signed.TYPE, NakReason.NOT_SIGNED) in answers_to(paired, wrong)
    assert paired.outputs.led_permille[0] == 0
    answers_to(paired, right)
    assert paired.outputs.led_permille[0] == 500, "the same without the altered byte"


@pytest.mark.parametrize("power", ["kept", "lost"])
def test_a_recorded_session_is_worth_nothing_later(paired, power):
    recorder = Recorder(paired)
    assert reopened(paired, KEY) == PAIRED
    paired.ask(SetLed(0, 500))
    paired.ask(SetHeater(500))
    paired.run(600)
    recorded = recorder.frames()
    if power == "lost":
        paired.reboot()
    else:
        assert reopened(paired, KEY) == PAIRED
    hellos = [message for message in answers_to(paired, *recorded) if isinstance(message, Hello)]
    assert hellos, "the stranger opens the session that it has recorded"
    assert paired.outputs.led_permille[0] == 0 and paired.outputs.heater_permille == 0


def test_heartbeats_of_strangers_keep_no_light_on(paired):
    paired.ask(SetLed(0, 500))
    paired.ask(SetHeater(500))
    recorder = Recorder(paired)
    paired.run(600)
    seq = next_seq(recorder)
    for number in range(24):
        answers_to(paired, Frame(0x02, seq + number, b""))
        paired.run(450)
        if number == 5:
            assert (paired.outputs.led_permille[0], paired.outputs.heater_permille) == (100, 0)
    assert paired.outputs.led_permille[0] == 0


def test_a_head_that_lies_about_its_nonce_opens_no_session(make_bench):
    bench = make_bench(identity=CAN_PAIR)
    put = bench.up.put
    bench.up.put = lambda data, now_ns: put(b"" if b"\x0c" in data[:6] else data, now_ns)
    bench.until(lambda: bench.session.failure is not None)
    assert "GET_NONCE" in str(bench.session.failure)


def test_no_start_of_a_head_has_the_nonce_of_another():
    flash = Flash()
    numbers = [flash.next_boot_nonce() for _ in range(100)]
    assert min(b - a for a, b in pairwise(numbers)) >= 1 << 16


# ---- what the page tells


def test_the_example_of_the_page_is_right():
    """Its session key was computed with OpenSSL: `openssl dgst -sha256 -mac HMAC -macopt hexkey:...`."""
    page = (REPOSITORY / "docs" / "firmware-protocol.md").read_text()
    of_session = session_key(KEY, 0x01020304, 65537, "SIM-0001")
    assert of_session.hex() == "c8f44328019845844a37b11d313ef3f3959aacfecc3cd3fbcb7df87384e7fcd0"
    assert of_session.hex() in page
    assert signed(SetLed(1, 600), of_session, 1).payload().hex() in page
    assert frame_from_message(signed(SetLed(1, 600), of_session, 1), 1).payload[:4] == b"\1\0\0\0"


# ---- the key's file


def test_the_key_is_for_its_owner_alone(tmp_path):
    key = new_key()
    path = write_key(tmp_path / "keys", "A-1", key)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert read_key(tmp_path / "keys", "A-1") == key
    assert read_key(tmp_path / "keys", "A-2") is None
    assert key_path(tmp_path, "../../x").parent == tmp_path


@pytest.mark.parametrize(
    "spoil, message",
    [
        pytest.param(lambda path: path.chmod(0o640), "others can read it", id="mode"),
        pytest.param(lambda path: path.write_text("hello\n"), "no key", id="text"),
        pytest.param(lambda path: path.write_text("00" * 31), "31 bytes", id="short"),
        pytest.param(lambda path: path.write_bytes(b"\xff" * 70), "no key", id="bytes"),
        pytest.param(lambda path: path.symlink_to(path.rename(path.with_name("x"))), "cannot be read", id="link"),
        pytest.param(lambda path: (path.unlink(), os.mkfifo(path, 0o600)), "no plain file", id="pipe"),
        pytest.param(lambda path: (path.unlink(), path.mkdir()), "no plain file", id="folder"),
    ],
)
def test_a_key_file_that_is_wrong_is_refused(tmp_path, spoil, message):
    path = write_key(tmp_path, "A-1", new_key())
    spoil(path)
    with pytest.raises(KeyFileWrong, match=message) as caught:
        read_key(tmp_path, "A-1")
    assert "\n" not in str(caught.value)


def test_a_wrong_key_file_is_told_in_place_of_a_session(make_bench, tmp_path):
    bench = make_bench(identity=CAN_PAIR)
    write_key(tmp_path, CAN_PAIR.serial, KEY).chmod(0o644)
    bench.reopen(key_of=lambda serial: read_key(tmp_path, serial))
    bench.until(lambda: bench.session.failure is not None)
    assert "others can read it" in str(bench.session.failure)


# ---- the command


def run(*words):
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=GUARD_S, check=False)


@pytest.mark.slow
def test_a_head_on_a_terminal_is_paired_by_its_button(tmp_path):
    head, keys = str(tmp_path / "head"), str(tmp_path / "keys")
    on_head = ["--port", head, "--keys", keys]
    words = ["simulate", head, "--pairing"]
    with subprocess.Popen([*COMMAND, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as simulator:
        try:
            assert b"listens on" in simulator.stdout.readline()
            assert json.loads(run("status", *on_head, "--json").stdout)["pairing"] == UNPAIRED
            with subprocess.Popen([*COMMAND, "pair", *on_head], stdout=subprocess.PIPE, text=True) as pairing:
                assert "Hold the button of SIM-0001" in pairing.stdout.readline()
                held = threading.Event()
                while pairing.poll() is None:
                    simulator.stdin.write(b"l")
                    simulator.stdin.flush()
                    held.wait(1.5)
                assert pairing.returncode == 0 and "obeys this unit alone" in pairing.stdout.read()
            path = key_path(tmp_path / "keys", "SIM-0001")
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert [one.name for one in (tmp_path / "keys").iterdir()] == [path.name]
            assert run("set", "led", "all", "300", *on_head).returncode == 0
            stranger = run("set", "led", "all", "900", "--port", head, "--keys", str(tmp_path))
            assert stranger.returncode == 1 and "run edge-bridge pair" in stranger.stderr
            told = run("status", "--port", head, "--keys", str(tmp_path)).stdout
            assert re.search(f"pairing +{FOREIGN}", told)
            assert path.read_text().strip() not in told + stranger.stderr
        finally:
            simulator.terminate()


def test_older_firmware_is_not_paired(tmp_path):
    with subprocess.Popen(
        [*COMMAND, "simulate", str(tmp_path / "head")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as old:
        try:
            assert b"listens on" in old.stdout.readline()
            answer = run("pair", "--port", str(tmp_path / "head"), "--keys", str(tmp_path / "keys"))
        finally:
            old.terminate()
    assert answer.returncode == 1 and "this firmware cannot be paired" in answer.stderr
    assert not (tmp_path / "keys").exists()
