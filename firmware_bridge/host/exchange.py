"""One request and what may answer it."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass

from firmware_bridge.wire.frames import VERSION_MAJOR, VERSION_MINOR, DecoderCounts, Frame
from firmware_bridge.wire.layout import Message
from firmware_bridge.wire.messages import (
    Ack,
    GetParam,
    Heartbeat,
    Hello,
    Nak,
    NakReason,
    ParamValue,
    Ping,
    Status,
    wire_name,
)
from firmware_bridge.wire.pairing_messages import GetNonce, Nonce, Signed

_ANSWERS: dict[type[Message], type[Message]] = {
    Hello: Hello,
    Heartbeat: Status,
    GetParam: ParamValue,
    Ping: Ping,
    GetNonce: Nonce,
}


@dataclass(slots=True)
class Exchange:
    """A request on its way."""

    message: Message
    future: Future[Message]
    seq: int
    wire: bytes
    sent_ns: int
    tries: int = 1

    @property
    def name(self) -> str:
        return wire_name(type(self.message))


def answers(answer: Message, request: Message) -> bool:
    """Whether this is what that request is answered with; anything else under its number is damage or a defect."""
    if isinstance(answer, Nak):
        return answer.refused_type in (request.TYPE, Signed.TYPE)
    if isinstance(answer, Ack):
        return answer.acked_type == request.TYPE and type(request) not in _ANSWERS
    if isinstance(answer, Hello) and isinstance(request, Hello):
        return answer.session == request.session and answer != request  # a port that echoes is no camera head
    if isinstance(answer, (Ping, ParamValue)):
        return answer == request or (isinstance(request, GetParam) and getattr(answer, "param", None) == request.param)
    return type(answer) is _ANSWERS.get(type(request))


def reason_text(nak: Nak) -> str:
    """Why a head refuses, and what to do where that is not plain from it."""
    if nak.reason == NakReason.NOT_SIGNED:
        return "not signed with its key; hold its button and run edge-bridge pair"
    if nak.reason == NakReason.NOT_CONFIRMED:
        return "its button is not held"
    known = nak.reason in tuple(NakReason)
    return NakReason(nak.reason).name.lower().replace("_", " ") if known else f"reason {nak.reason}"


def mismatch_text(frame: Frame) -> str:
    theirs, ours = f"{frame.version_major}.{frame.version_minor}", f"{VERSION_MAJOR}.{VERSION_MINOR}"
    newer = frame.version_major > VERSION_MAJOR
    todo = "update edge-enhance on this unit" if newer else "update the firmware of the camera head"
    return f"the camera head speaks protocol {theirs}, this program {ours}: {todo}"


def no_hello_text(counts: DecoderCounts) -> str:
    """What is on the port instead of a head, by what came from there."""
    if counts.frames:
        came = f"{counts.frames} frames came, but no answer: look at the line from this unit to the head"
    elif counts.num_bytes:
        came = f"{counts.num_bytes} bytes came, but no frame: another --baud, or no camera head"
    else:
        came = "not a byte came: what is on this port is no camera head, or has no power"
    return f"no HELLO within 2 s: {came}"
