"""Who comes in, who has to go for it, and who has been silent too long."""

from __future__ import annotations

import asyncio
import logging
from typing import cast

import pytest

from edge.web.guests import REFUSAL, Doing, Guest, Guests
from edge.web.limits import ANSWER_WITHIN_S, IDLE_S, SILENT_S, Limits

LIMITS = Limits(connections=4, connections_of_one=3)


class Line:
    """Stands for a transport: keeps what is written, and how it ended."""

    def __init__(self) -> None:
        self.sent, self.end, self.num_unread = b"", "", 0

    def write(self, content: bytes) -> None:
        self.sent += content

    def close(self) -> None:
        self.end = "closed"

    def abort(self) -> None:
        self.end = "aborted"

    def get_write_buffer_size(self) -> int:
        return self.num_unread

    def get_extra_info(self, name: str) -> None:
        return None


def guest(address: str = "a", doing: Doing = "silent", since_s: float = 0.0, *, is_proxy: bool = False) -> Guest:
    line = cast(asyncio.Transport, Line())
    return Guest(address, since_s, is_proxy=is_proxy, doing=doing, transport=line)


def line_of(one: Guest) -> Line:
    return cast(Line, one.transport)


def admitted(guests: Guests, *ones: Guest) -> list[bool]:
    return [guests.admit(one) for one in ones]


def test_the_longest_silent_of_the_same_address_makes_room_and_is_told() -> None:
    guests, silent = Guests(LIMITS), [guest(since_s=number) for number in (3.0, 1.0, 2.0)]
    assert admitted(guests, *silent, guest()) == [True] * 4
    assert [line_of(one).end for one in silent] == ["", "closed", ""]
    assert line_of(silent[1]).sent == REFUSAL
    assert len(guests) == 3


def test_whoever_is_answered_stays_and_the_newcomer_is_refused() -> None:
    guests, inside = Guests(LIMITS), [guest(doing="busy"), guest(doing="endless"), guest(doing="endless")]
    assert admitted(guests, *inside, guest(), guest("b")) == [True, True, True, False, True]
    assert [line_of(one).end for one in inside] == [""] * 3


def test_who_was_answered_and_only_waits_goes_after_those_who_never_asked() -> None:
    guests, idle, silent = Guests(LIMITS), guest(doing="idle"), guest(since_s=9.0)
    assert admitted(guests, idle, silent, guest(doing="busy"), guest(doing="busy")) == [True] * 4
    assert (line_of(silent).end, line_of(idle).end) == ("closed", "")
    assert admitted(guests, guest(doing="busy")) == [True]
    assert (line_of(idle).end, line_of(idle).sent) == ("aborted", b""), "it might take words for its next answer"


def test_where_all_is_full_the_address_with_the_most_makes_room() -> None:
    guests, crowd = Guests(LIMITS), [guest("crowd") for _ in range(3)]
    assert admitted(guests, *crowd, guest("other", "busy"), guest("new")) == [True] * 5
    assert [line_of(one).end for one in crowd].count("closed") == 1
    assert len(guests) == 4


def test_a_proxy_may_have_as_many_as_all() -> None:
    guests = Guests(LIMITS)
    assert admitted(guests, *(guest("proxy", "busy", is_proxy=True) for _ in range(5))) == [True] * 4 + [False]


def test_a_crowd_is_one_log_line(caplog: pytest.LogCaptureFixture) -> None:
    guests = Guests(LIMITS)
    admitted(guests, *(guest() for _ in range(1000)))
    assert len(guests) == 3
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_leaving_twice_counts_once() -> None:
    guests, one = Guests(LIMITS), guest()
    admitted(guests, one, guest())
    guests.leave(one)
    guests.leave(one)
    assert admitted(guests, *(guest(doing="busy") for _ in range(3))) == [True] * 3, "one silent guest went"


@pytest.mark.parametrize(
    ("doing", "longest_s"), [("silent", SILENT_S), ("idle", IDLE_S), ("busy", ANSWER_WITHIN_S), ("endless", None)]
)
def test_each_may_do_nothing_for_so_long(doing: Doing, longest_s: float | None) -> None:
    guests, one = Guests(LIMITS), guest(doing=doing)
    admitted(guests, one)
    guests.sweep(1000.0 if longest_s is None else longest_s - 0.1)
    assert line_of(one).end == ""
    if longest_s is not None:
        guests.sweep(longest_s + 0.1)
        assert (line_of(one).end, len(guests)) == ("aborted", 0)


def test_a_stream_that_nobody_reads_is_cut_and_one_that_is_read_slowly_is_not() -> None:
    guests, deaf, slow = Guests(LIMITS), guest(doing="endless"), guest(doing="endless")
    admitted(guests, deaf, slow)
    for now_s in range(0, 40, 5):
        line_of(deaf).num_unread, line_of(slow).num_unread = 70_000, 70_000 - now_s
        guests.sweep(float(now_s))
    assert (line_of(deaf).end, line_of(slow).end) == ("aborted", "")
