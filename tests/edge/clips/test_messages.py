"""What is read from FFmpeg's lines: faults, and at which time they were."""

from __future__ import annotations

import pytest

from edge.clips.decode import Damage
from edge.clips.messages import Messages

FRAMES = (
    "[Parsed_showinfo_1 @ 0x1] [info] config in time_base: 1/10, frame_rate: 10/1",
    "[Parsed_showinfo_1 @ 0x1] [info] n:   0 pts:      7 pts_time:0.7  fmt:yuv420p sar:1/1 s:64x36 i:P iskey:1",
)


@pytest.mark.parametrize(
    ("line", "told", "times_s"),
    [
        ("[mpeg2video @ 0x1] [error] ac-tex damaged at 3 4", "ac-tex damaged at 3 4", [0.7]),
        ("[info] file:/x.ts: corrupt decoded frame in stream 0", "corrupt decoded frame in stream 0", [0.7]),
        ("[mjpeg @ 0x1] [warning] EOI missing, emulating", "EOI missing, emulating", [0.7]),
        ("[warning] file:/x.ts: corrupt input packet in stream 0", "corrupt input packet in stream 0", []),
        ("[error] Error while filtering: Broken pipe", "", []),
        ("[info] Stream mapping:", "", []),
    ],
)
def test_a_fault_is_told_with_the_time_of_the_last_frame(line: str, told: str, times_s: list[float]) -> None:
    messages = Messages()
    for one in (*FRAMES, line):
        messages.take(one)
    assert (messages.num_faults, messages.last_fault) == (bool(told), messages.last_fault if told else "")
    assert messages.last_fault.endswith(told) and messages.fault_times == times_s


def test_a_fault_without_a_time_is_told_without_one() -> None:
    damage = Damage(1, 0, (), (), "corrupt input packet in stream 0", False)
    assert damage.line() == "damaged (corrupt input packet in stream 0)"
