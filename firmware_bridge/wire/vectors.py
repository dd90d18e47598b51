"""`python -m firmware_bridge.wire.vectors`: writes vectors.json, by which another implementation checks itself.

A list of objects: `name`; `wire` in hex, the frame's bytes with the 00 that ends it; `valid`; and for valid ones
`type`, `seq` and `payload` in hex. An invalid one gives no frame. Every valid one has version 1.0.
"""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from firmware_bridge.wire import messages
from firmware_bridge.wire.frames import MAX_PAYLOAD_BYTES, VERSION, Frame, wire_from_frame
from firmware_bridge.wire.layout import Layout, Message, layouts_of
from firmware_bridge.wire.messages import MESSAGES, frame_from_message, wire_name

PATH = Path(__file__).parent / "vectors.json"
_SEED = 20260101


def _value(layout: Layout, draw: random.Random) -> Any:
    if layout.kind == "text16":
        return "".join(draw.choice("ABCDEFGHJK0123456789-") for _ in range(draw.randrange(17)))
    bits = int(layout.kind[1:])
    low, high = (-(2 ** (bits - 1)) + 1, 2 ** (bits - 1) - 1) if layout.kind[0] == "i" else (0, 2**bits - 2)
    values = [draw.randint(low, high) for _ in range(layout.count)]
    if layout.low is not None and layout.high is not None:
        values = [draw.randint(layout.low, layout.high)]
    if layout.count > 1:
        return tuple(values)
    return None if layout.optional and draw.random() < 0.3 else values[0]


def _message(kind: type[Message], draw: random.Random) -> Message:
    if kind is messages.SetParam:
        param = draw.choice(tuple(messages.Param))
        return messages.SetParam(param, draw.randint(0, messages.PARAM_MAX[param]))
    return kind(*(_value(layout, draw) for layout in layouts_of(kind).values()))


def _valid(draw: random.Random) -> Iterator[tuple[str, Frame]]:
    for kind in MESSAGES:
        for number in range(6 if layouts_of(kind) else 2):
            seq = (0, 1, 255, 256, 65535)[number] if number < 5 else draw.randrange(65536)
            yield f"{wire_name(kind)} {number}", frame_from_message(_message(kind, draw), seq)
    for size in range(MAX_PAYLOAD_BYTES + 1):
        yield f"payload of {size} zeros", Frame(0x1E, size, bytes(size))
    for size in (1, 2, 31, 63, 64):
        yield f"payload of {size} bytes without a zero", Frame(0x1E, size, bytes(1 + i % 255 for i in range(size)))
        yield f"payload of {size} bytes FF", Frame(0x1E, 0xFFFF, b"\xff" * size)
    for number in range(20):
        payload = draw.randbytes(draw.randrange(MAX_PAYLOAD_BYTES + 1))
        yield f"random payload {number}", Frame(draw.randrange(256), draw.randrange(65536), payload)


def _cobs(body: bytes) -> bytes:
    return b"".join(bytes((len(run) + 1,)) + run for run in body.split(b"\0")) + b"\0"


def _with_crc(body: bytes) -> bytes:
    return body + zlib.crc32(body).to_bytes(4, "little")


def _invalid(draw: random.Random) -> Iterator[tuple[str, bytes]]:
    good = wire_from_frame(Frame(messages.Ping.TYPE, 7, bytes((1, 2, 3, 4))))
    yield "nothing", b"\0"
    yield "nothing, twice", b"\0\0"
    for size in range(1, len(good) - 1):
        yield f"cut off after {size} bytes", good[:size] + b"\0"
    for at in range(len(good) - 1):
        bit = 1 << draw.randrange(8)
        damaged = bytearray(good)
        damaged[at] ^= bit if damaged[at] != bit else 0xFF ^ bit
        yield f"byte {at} altered", bytes(damaged)
        yield f"byte {at} lost", good[:at] + good[at + 1 :]
    for at in range(4):
        body = bytearray(_with_crc(bytes((VERSION, 9, 7, 0)) + bytes(4)))
        body[-1 - at] ^= 1 << draw.randrange(8)
        yield f"checksum byte {3 - at} altered", _cobs(bytes(body))
    big_endian = bytes((VERSION, 9, 7, 0, 1, 2, 3, 4))
    yield "checksum with the high byte first", _cobs(big_endian + zlib.crc32(big_endian).to_bytes(4, "big"))
    yield (
        "checksum without the final xor",
        _cobs(big_endian + (zlib.crc32(big_endian) ^ 0xFFFFFFFF).to_bytes(4, "little")),
    )
    for size in range(4):
        yield f"header of {size} bytes", _cobs(_with_crc(bytes(range(1, size + 1))))
    for size in (65, 66, 100, 200):
        yield (
            f"payload of {size} bytes",
            _cobs(_with_crc(bytes((VERSION, 9, 7, 0)) + bytes(1 + i % 9 for i in range(size)))),
        )
    yield "a code far behind the end", b"\xff" + good[1:]
    yield "longer than any frame", b"\x01" * 500 + b"\0"
    yield "a frame's bytes without COBS", _with_crc(bytes((VERSION, 9, 7, 1, 1, 2, 3, 4))).replace(b"\0", b"\1") + b"\0"


def made_vectors() -> list[dict[str, Any]]:
    """The content of the file."""
    draw = random.Random(_SEED)
    vectors: list[dict[str, Any]] = []
    for name, frame in _valid(draw):
        content = {"type": frame.type, "seq": frame.seq, "payload": frame.payload.hex()}
        vectors.append({"name": name, "wire": wire_from_frame(frame).hex(), "valid": True, **content})
    for name, wire in _invalid(draw):
        vectors.append({"name": name, "wire": wire.hex(), "valid": False})
    return vectors


def file_text() -> str:
    """The file, a vector a line."""
    return "[\n" + ",\n".join(json.dumps(vector) for vector in made_vectors()) + "\n]\n"


if __name__ == "__main__":
    PATH.write_text(file_text())
