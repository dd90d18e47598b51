"""Budgets: of addresses, of seats, of requests a second."""

from __future__ import annotations

import pytest

from edge.access.attempts import network_of
from edge.web.limits import Limits, Pace, Seats


@pytest.mark.parametrize(
    ("host", "group"),
    [
        ("10.0.0.7", "10.0.0.7"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", ""),
        ("x" * 100, "x" * 64),
    ],
)
def test_what_counts_as_one_address(host: str, group: str) -> None:
    assert network_of(host) == group


@pytest.mark.parametrize(
    ("num", "of_all", "of_one", "leaving"),
    [(4096, 192, 48, 64), (256, 128, 48, 32), (96, 48, 36, 12), (64, 32, 24, 8), (8, 4, 3, 1)],
)
def test_three_eighths_of_the_descriptors_stay_for_the_unit(num: int, of_all: int, of_one: int, leaving: int) -> None:
    limits = Limits().within(num)
    assert (limits.connections, limits.connections_of_one, limits.leaving) == (of_all, of_one, leaving)


def test_seats_are_for_all_and_for_one_address() -> None:
    seats = Seats(3, 2)
    assert [seats.take(address) for address in "aaabb"] == [True, True, False, True, False]
    seats.leave("a")
    assert seats.take("b")
    assert not seats.take("c")


def test_who_is_too_fast_waits_and_who_is_much_too_fast_has_no_turn() -> None:
    now_s = 0.0
    pace = Pace(lambda: 8.0, 0.5, 1.0, lambda: now_s)
    waits = [pace.wait_s("a") for _ in range(16)]
    assert waits == [0.0] * 5 + [number / 8 for number in range(1, 9)] + [None] * 3, "who has no turn pays nothing"
    assert pace.wait_s("b") == 0.0, "another address pays nothing for it"
    now_s = 3.0
    assert pace.wait_s("a") == 0.0


def test_a_thousand_addresses_are_not_kept_for_ever() -> None:
    now_s = 0.0
    pace = Pace(lambda: 10.0, 0.5, 1.0, lambda: now_s)
    for number in range(5 * Pace.MAX_KNOWN):
        now_s += 1.0
        pace.wait_s(str(number))
    assert len(pace._paid_until_s) <= Pace.MAX_KNOWN
