"""The rules of the frame: what is understood, what is dropped, how fast an answer comes."""

from __future__ import annotations

import json
import random
import statistics
from typing import Any

from firmware_bridge.conform.asking import answer_text
from firmware_bridge.conform.probe import Probe
from firmware_bridge.conform.verdicts import Check, Failed
from firmware_bridge.wire.frames import MAX_COBS_BYTES, VERSION_MAJOR, Frame, sent_bytes, wire_from_frame
from firmware_bridge.wire.messages import REQUESTS, Ack, Hello, Nak, NakReason, Ping
from firmware_bridge.wire.vectors import PATH

LIMIT_S = 0.06
_NEWER, _OLDER, _NEXT = VERSION_MAJOR << 4 | 1, VERSION_MAJOR << 4, VERSION_MAJOR + 1 << 4
_LENGTHS = {kind.TYPE: kind.num_bytes() for kind in REQUESTS}


def vectors() -> list[dict[str, Any]]:
    """The content of vectors.json."""
    loaded: list[dict[str, Any]] = json.loads(PATH.read_text())
    return loaded


def ping(probe: Probe, before: bytes = b"") -> bool:
    """Whether a PING right behind these bytes is answered with its token; sent once."""
    probe.forget_answers()
    probe.seq = (probe.seq + 1) & 0xFFFF
    payload = Ping(0x5A000000 | probe.seq).payload()
    probe.line.write(before + sent_bytes(Frame(Ping.TYPE, probe.seq, payload)))
    answer = probe.answer_to(probe.seq)
    return answer is not None and (answer.type, answer.payload) == (Ping.TYPE, payload)


def check_valid_vectors(probe: Probe) -> str:
    probe.restart()
    valid = [vector for vector in vectors() if vector["valid"]]
    for vector in sorted(valid, key=lambda vector: bool(vector["type"] == Hello.TYPE)):  # those open sessions: last
        _check_valid(probe, vector)
    return f"{len(valid)} of {len(valid)} frames understood"


def _check_valid(probe: Probe, vector: dict[str, Any]) -> None:
    type_, seq, payload = vector["type"], vector["seq"], bytes.fromhex(vector["payload"])
    probe.forget_answers()
    probe.line.write(b"\0" + bytes.fromhex(vector["wire"]))
    if type_ in (Ack.TYPE, Nak.TYPE):
        return
    answer = probe.answer_to(seq)
    fits = _LENGTHS.get(type_, len(payload)) == len(payload)
    if answer is None:
        right = False
    elif type_ == Hello.TYPE and fits:
        right = answer.type == Hello.TYPE and answer.payload[:4] == payload[:4]
    elif type_ == Ping.TYPE and fits:
        right = (answer.type, answer.payload) == (Ping.TYPE, payload)
    else:
        reasons = (NakReason.NO_SESSION,) if fits else (NakReason.NO_SESSION, NakReason.BAD_LENGTH)
        right = answer.type == Nak.TYPE and answer.payload in [bytes((type_, reason)) for reason in reasons]
    if not right:
        raise Failed(f"{vector['name']} ({vector['wire']}): {answer_text(answer)}")


def check_damaged_vectors(probe: Probe) -> str:
    probe.greet()
    damaged = [vector for vector in vectors() if not vector["valid"]]
    for vector in damaged:
        probe.forget_answers()
        marker = probe.seq = (probe.seq + 1) & 0xFFFF
        probe.line.write(b"\0" + bytes.fromhex(vector["wire"]) + sent_bytes(Frame(Ping.TYPE, marker, bytes(4))))
        first = _first_answer(probe)
        if first is None:
            raise Failed(f"after {vector['name']} ({vector['wire']}): the next frame is not answered")
        if (first.type, first.seq) != (Ping.TYPE, marker):
            raise Failed(f"{vector['name']} ({vector['wire']}): {answer_text(first)}; expected nothing")
    return f"{len(damaged)} of {len(damaged)} dropped, and the frame after each answered"


def _first_answer(probe: Probe) -> Frame | None:
    for _ in range(8):
        came = probe.listen(0.05)
        if came:
            return came[0]
    return None


def check_resync(probe: Probe) -> str:
    probe.greet()
    draw = random.Random(1)
    whole = wire_from_frame(Frame(Ping.TYPE, 1, b"\1\2\3\4"))
    noises = [bytes(draw.randrange(1, 256) for _ in range(size)) for size in (1, 7, MAX_COBS_BYTES, 300, 1000)]
    noises += [whole[:size] for size in (1, 5, len(whole) - 1)]
    noises += [bytes(20), b"\xff" * 20, draw.randbytes(1000)]
    for noise in noises:
        if not ping(probe, noise):
            raise Failed(f"after {len(noise)} bytes of noise ({noise[:8].hex()}) the next frame is not answered")
    return f"{len(noises)} kinds of noise, up to {max(map(len, noises))} bytes; the frame after each answered"


def check_pieces(probe: Probe) -> str:
    probe.greet()
    seq = probe.seq = (probe.seq + 1) & 0xFFFF
    probe.acknowledges = False  # it would stand in the middle of the frame
    for byte in sent_bytes(Frame(Ping.TYPE, seq, b"\1\2\3\4")):
        probe.line.write(bytes((byte,)))
        probe.listen(0.005)
    probe.acknowledges = True
    if probe.answer_to(seq) is None:
        raise Failed("a frame that came byte by byte, 5 ms apart, is not answered")
    seqs = [(seq + number) & 0xFFFF for number in (1, 2, 3)]
    probe.seq = seqs[-1]
    probe.line.write(b"".join(sent_bytes(Frame(Ping.TYPE, seq, bytes(4))) for seq in seqs))
    answered = sum(probe.answer_to(seq) is not None for seq in seqs)
    if answered < len(seqs):
        raise Failed(f"of {len(seqs)} frames in one piece {answered} are answered")
    return f"byte by byte, and {len(seqs)} frames in one piece"


def check_newer_minor(probe: Probe) -> str:
    probe.greet()
    longer = b"\1\2\3\4\5\6"
    answer = probe.ask(Ping.TYPE, longer, version=_NEWER)
    if answer is None or answer.type != Ping.TYPE or answer.payload[:4] != longer[:4]:
        raise Failed(f"PING of 6 bytes from version 1.1: {answer_text(answer)}; expected PING, as for 4 bytes")
    probe.check_refusal(probe.ask(Ping.TYPE, longer, version=_OLDER), Ping.TYPE, NakReason.BAD_LENGTH)
    return "6 bytes of PING taken from version 1.1, refused from 1.0"


def check_wrong_version(probe: Probe) -> str:
    probe.greet()
    for version in (_NEXT, 0x00, 0xF0):
        answer = probe.ask(Ping.TYPE, bytes(4), version=version)
        probe.check_refusal(answer, Ping.TYPE, NakReason.WRONG_VERSION)
        if answer is not None and answer.version_major != VERSION_MAJOR:
            raise Failed(f"the NAK has version 0x{answer.version:02X}; expected the head's own, 0x{VERSION_MAJOR:X}0")
    return "major versions 0, 2 and 15 refused, in version 1"


def check_answer_time(probe: Probe) -> str:
    probe.greet()
    probe.delays_s.clear()
    for _ in range(30):
        probe.ask(Ping.TYPE, bytes(4))
    if not probe.delays_s:
        raise Failed("no answer to PING")
    median_s, slowest_s = statistics.median(probe.delays_s), max(probe.delays_s)
    measured = (
        f"half of {len(probe.delays_s)} answers within {median_s * 1000:.1f} ms, all within {slowest_s * 1000:.1f} ms"
    )
    if median_s > LIMIT_S:
        raise Failed(f"{measured}; expected {LIMIT_S * 1000:.0f} ms")
    return measured


CHECKS = (
    Check("vectors-valid", "Every valid frame of the vectors is understood.", 1.5, check_valid_vectors),
    Check("vectors-damaged", "A damaged frame is dropped, and nothing is answered to it.", 2, check_damaged_vectors),
    Check("resync", "After any noise the next frame with a 00 in front is understood.", 0.5, check_resync),
    Check("pieces", "A frame may come in pieces, and several frames in one piece.", 0.3, check_pieces),
    Check(
        *("newer-minor", "A longer payload is taken from a newer minor version, and only from it."),
        *(0.2, check_newer_minor),
    ),
    Check(
        *("wrong-version", "Another major version is answered NAK WRONG_VERSION, in the head's own version."),
        *(0.2, check_wrong_version),
    ),
    Check("answer-time", "A request is answered within 60 ms.", 0.5, check_answer_time),
)
