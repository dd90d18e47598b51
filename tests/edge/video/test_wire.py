"""Messages between the unit and its video process."""

from __future__ import annotations

import io
import struct

import pytest

from edge.video.wire import MAX_BLOB_BYTES, packed, read_message


def test_messages_come_as_they_went() -> None:
    pipe = io.BytesIO(packed({"kind": "a"}) + packed({"kind": "b", "x": [1, 2]}, b"\0\1bytes"))
    assert read_message(pipe) == ({"kind": "a"}, b"")
    assert read_message(pipe) == ({"kind": "b", "x": [1, 2]}, b"\0\1bytes")
    assert read_message(pipe) is None


@pytest.mark.parametrize("num_bytes", [1, 7, 9, 20])
def test_one_that_is_cut_is_none(num_bytes: int) -> None:
    whole = packed({"kind": "coded"}, b"0123456789")
    assert num_bytes < len(whole)
    assert read_message(io.BytesIO(whole[:num_bytes])) is None


@pytest.mark.parametrize(
    "content", [struct.pack(">II", 2, MAX_BLOB_BYTES + 1), struct.pack(">II", 2, 0) + b"[]", b"garbage and more"]
)
def test_what_is_no_message_is_refused_before_memory_is_taken_for_it(content: bytes) -> None:
    with pytest.raises(ValueError, match="message"):
        read_message(io.BytesIO(content))
