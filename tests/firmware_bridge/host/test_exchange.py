"""What is said of a port that no head answers on."""

from __future__ import annotations

import pytest

from firmware_bridge.host.exchange import no_hello_text
from firmware_bridge.wire.frames import DecoderCounts


@pytest.mark.parametrize(
    "counts, said",
    [
        (DecoderCounts(), "not a byte came: what is on this port is no camera head, or has no power"),
        (DecoderCounts(num_bytes=900, bad_crc=3), "900 bytes came, but no frame: another --baud, or no camera head"),
        (DecoderCounts(num_bytes=900, frames=2), "2 frames came, but no answer: look at the line"),
    ],
)
def test_what_came_says_what_to_look_at(counts, said):
    assert no_hello_text(counts).startswith(f"no HELLO within 2 s: {said}")
