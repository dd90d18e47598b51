"""What travels between the unit and its video process: a JSON object and bytes, both with their length before them.

Runs in both, so in the system's Python as well: nothing but the standard library.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import IO, Any

_HEAD = struct.Struct(">II")
MAX_JSON_BYTES = 1 << 18
MAX_BLOB_BYTES = 1 << 23


def packed(told: Mapping[str, Any], blob: bytes = b"") -> bytes:
    """One message."""
    text = json.dumps(told).encode()
    return b"".join((_HEAD.pack(len(text), len(blob)), text, blob))


def read_message(pipe: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """The next message; None at the end, where a last one that is not whole is left out.

    Raises:
        ValueError: what comes is no message of ours.
    """
    head = pipe.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    num_json, num_blob = _HEAD.unpack(head)
    if num_json > MAX_JSON_BYTES or num_blob > MAX_BLOB_BYTES:
        raise ValueError(f"a message of {num_json} and {num_blob} bytes")
    text, blob = pipe.read(num_json), pipe.read(num_blob)
    if len(text) < num_json or len(blob) < num_blob:
        return None
    told = json.loads(text)
    if not isinstance(told, dict):
        raise ValueError("a message that is no object")
    return told, blob
