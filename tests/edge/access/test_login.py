"""Logging in: limits on tries, sizes and time, and nothing told to who guesses."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys

import pytest
from argon2 import PasswordHasher, extract_parameters

from edge.access.attempts import FORGET_AFTER_S, MAX_COUNTED, Attempts, network_of
from edge.access.passwords import MAX_WAITING, Busy, PasswordDesk, hash_of, is_hash, matches
from edge.basics.errors import UsageError
from tests.doubles.guarded import PASSWORDS, Guest, guarded_studio, hashed, write_users
from tests.doubles.waiting import GUARD_S


def test_a_wrong_password_and_a_wrong_name_are_told_alike(guest):
    wrong = guest.ask("POST", "/api/login", {"name": "ada", "password": "wrong password"})
    unknown = guest.ask("POST", "/api/login", {"name": "nobody", "password": "wrong password"})
    assert wrong[0] == unknown[0] == 401
    assert wrong[2] == unknown[2]
    assert "set-cookie" not in wrong[1]


def test_a_name_that_nobody_has_costs_a_hash_too(monkeypatch):
    held_to = []

    def watched(stored, password):
        held_to.append(stored)
        return matches(stored, password)

    monkeypatch.setattr("edge.access.passwords.matches", watched)

    async def check():
        desk = PasswordDesk()
        try:
            return await desk.check(None, "anything"), await desk.check(hash_of(PASSWORDS["ada"]), PASSWORDS["ada"])
        finally:
            desk.close()

    assert asyncio.run(check()) == (False, True)
    assert [is_hash(stored) for stored in held_to] == [True, True]
    about = [extract_parameters(stored) for stored in held_to]
    assert about[0] == about[1], "other costs, so another time"
    assert (about[0].memory_cost, about[0].time_cost, about[0].parallelism) == (32 << 10, 3, 1)


def test_a_service_that_may_not_change_its_priority_checks_passwords_all_the_same(monkeypatch):
    def forbidden(*args):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("edge.access.passwords.os.setpriority", forbidden)

    async def check():
        desk = PasswordDesk()
        try:
            return await desk.check(hashed(PASSWORDS["ada"]), PASSWORDS["ada"])
        finally:
            desk.close()

    assert asyncio.run(check())


def test_a_right_password_for_which_there_is_no_memory_is_not_a_wrong_one():
    """What argon2 says itself, in a process that gets no more memory."""
    asking = f"""
import resource
from edge.access.passwords import Busy, matches
resource.setrlimit(resource.RLIMIT_AS, (150 << 20, 150 << 20))
try:
    print(matches({PasswordHasher(memory_cost=256 << 10).hash("x")!r}, "x"))
except Busy:
    print("busy")
"""
    assert subprocess.run([sys.executable, "-c", asking], capture_output=True, text=True).stdout == "busy\n"


def test_a_stored_password_that_argon2_cannot_read_is_matched_by_nothing():
    damaged = hashed(PASSWORDS["ada"])[:-3]
    assert not matches(damaged, PASSWORDS["ada"])


def test_who_comes_when_many_wait_is_sent_away(monkeypatch):
    async def crowd():
        desk = PasswordDesk()
        tries = [desk.check(None, "x") for _ in range(MAX_WAITING + 5)]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        desk.close()
        return outcomes

    outcomes = asyncio.run(crowd())
    assert [outcome for outcome in outcomes if outcome is False] == [False] * MAX_WAITING
    assert sum(isinstance(outcome, Busy) for outcome in outcomes) == 5


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        pytest.param(b"name=ada&password=x", {"Content-Type": "application/x-www-form-urlencoded"}, 415, id="a form"),
        pytest.param(b'{"name": "ada"', {"Content-Type": "application/json"}, 400, id="no JSON"),
        pytest.param(b"[" * 3000, {"Content-Type": "application/json"}, 400, id="nested deep"),
        pytest.param(b'{"name": ["ada"], "password": 3}', {"Content-Type": "application/json"}, 400, id="no texts"),
        pytest.param(b"\xff\xfe{}", {"Content-Type": "application/json"}, 400, id="not UTF-8"),
        pytest.param(b"", {"Content-Type": "application/json"}, 400, id="empty"),
        pytest.param(
            b'{"name": "ada", "password": "' + b"x" * 1_000_000 + b'"}',
            {"Content-Type": "application/json"},
            413,
            id="a password of 1 MB",
        ),
        pytest.param(
            b"{}", {"Content-Type": "application/json", "Content-Encoding": "gzip"}, (400, 415), id="compressed"
        ),
    ],
)
def test_what_is_no_login_is_refused(guest, body, headers, status):
    try:
        found = guest.ask("POST", "/api/login", body, headers)[0]
    except ConnectionError:
        assert status == 413, "cut while it still sent, as it may be"
        return
    assert found in (status if isinstance(status, tuple) else (status,))


def test_a_body_that_never_ends_is_cut(studio):
    """Without a length, in chunks."""
    host, port = studio.url.removeprefix("http://").rstrip("/").split(":")
    with socket.create_connection((host, int(port)), timeout=GUARD_S) as connection:
        connection.sendall(
            b"POST /api/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        answer, is_cut = b"", False
        with connection.makefile("rb") as reading:
            try:
                for _ in range(100):
                    connection.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")
            except ConnectionError:
                is_cut = True
            try:
                answer = reading.readline()
            except ConnectionError:
                return
    if answer or not is_cut:  # cut while it sent, the reset may overtake the answer
        assert answer.split()[1] in (b"411", b"413"), answer


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a\x1b[2Jda", "ada\r\nX-Evil: 1", "\x00", "ada ", "ADA", "a" * 2000, "\ud800"])
def test_odd_names_are_nobody_and_are_written_down_escaped(guest, audited, name):
    assert guest.log_in(name, "some password") == 401
    [entry] = audited()
    assert entry["event"] == "login-failed"
    assert entry["who"].isprintable() and len(entry["who"]) <= 1000


@pytest.mark.parametrize(
    ("password", "why"),
    [
        pytest.param("short", "expected 12 to 256", id="short"),
        pytest.param("x" * 1_000_000, "expected 12 to 256", id="1 MB"),
        pytest.param("twelve chars\x00", "control characters", id="NUL"),
        pytest.param("twelve chars\ud800", "control characters", id="half a character"),
    ],
)
def test_a_password_that_cannot_be_is_refused(password, why):
    with pytest.raises(UsageError, match=why):
        hash_of(password)


def test_a_password_is_the_same_however_a_keyboard_spells_it():
    assert matches(hash_of("Zu\u0308rich am Morgen"), "Z\u00fcrich am Morgen")


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "plain text",
        "$argon2i$v=19$m=32768,t=3,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
        "$argon2id$v=19$m=8388608,t=3,p=1$rG8CEMpt94D0dIyP8Yi5qw$7xxIyIIPNnCyaG+OV0LaIVe9xD70dXIpzg6kG9XYnk4",
        "$argon2id$v=19$m=32768,t=9999,p=1$rG8CEMpt94D0dIyP8Yi5qw$7xxIyIIPNnCyaG+OV0LaIVe9xD70dXIpzg6kG9XYnk4",
    ],
)
def test_hashes_that_cost_too_much_or_too_little_are_none(stored):
    assert not is_hash(stored)


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_waits_grow_to_a_minute_and_are_forgotten():
    clock = Clock()
    attempts, waits = Attempts(clock), []
    for _ in range(14):
        attempts.failed("ada", "10.0.0.1")
        waits.append(attempts.wait_s("ada", "10.0.0.1"))
        clock.now_s += waits[-1]
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert attempts.wait_s("ada", "10.0.0.1") == 0, "after the wait a try is taken"
    clock.now_s += FORGET_AFTER_S + 1
    attempts.failed("ada", "10.0.0.1")
    assert attempts.wait_s("ada", "10.0.0.1") == 0


def test_strangers_who_fail_in_a_name_hold_its_owner_up_for_seconds_at_most():
    clock = Clock()
    attempts = Attempts(clock)
    mark = attempts.succeeded("ada", "10.0.0.9")
    for number in range(10_000):
        attempts.failed("ada", f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}")
    assert 0 < attempts.wait_s("ada", "192.168.0.1") <= 5.0, "from a browser that nobody knows"
    assert attempts.wait_s("ada", "192.168.0.1", mark) == 0, "from one that was logged in before"
    assert attempts.wait_s("otto", "192.168.0.1", mark) == 0


def test_the_mark_of_a_browser_is_of_one_user_and_cannot_be_made():
    attempts = Attempts(Clock())
    mark = attempts.succeeded("ada", "10.0.0.1")
    for _ in range(40):
        attempts.failed("otto", "10.0.0.1", mark)
        attempts.failed("ada", "10.0.0.1", "nonce.0000")
    assert attempts.wait_s("otto", "10.0.0.1", mark) > 5
    assert attempts.wait_s("ada", "10.0.0.1", "nonce.0000") > 5
    for _ in range(20):
        attempts.failed("ada", "10.0.0.1", mark)
    assert attempts.wait_s("ada", "10.0.0.1", mark) > 5, "a mark that was stolen is limited too"


@pytest.mark.parametrize(
    "change", [lambda nonce, seal: f"{nonce}.{seal[:-1]}\udcb1", lambda nonce, seal: f"\udcb1.{seal}"]
)
def test_a_mark_that_is_no_text_is_a_strangers(change):
    """A byte of the cookie was changed: found by raw requests as each role."""
    attempts = Attempts(Clock())
    nonce, _, seal = attempts.succeeded("ada", "10.0.0.1").partition(".")
    damaged = change(nonce, seal)
    assert attempts.wait_s("ada", "10.0.0.2", damaged) == 0
    for _ in range(20):
        attempts.failed("ada", "10.0.0.2", damaged)
    assert attempts.wait_s("ada", "10.0.0.2") > 5


def test_counts_take_little_memory_whatever_comes():
    attempts = Attempts(Clock())
    for number in range(20_000):
        attempts.failed("x" * 1000 + str(number), f"10.0.{number >> 8 & 255}.{number & 255}")
    assert len(attempts) <= MAX_COUNTED


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("fe80::1%eth0", "fe80::/64"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("unix", "unix"),
    ],
)
def test_one_place_is_one_address_or_one_network(address, network):
    assert network_of(address) == network


@pytest.fixture
def clock(monkeypatch):
    """By which the door counts how long somebody waits."""
    clock = Clock()
    monkeypatch.setattr("edge.access.door.Attempts", lambda: Attempts(clock))
    return clock


def test_brute_force_is_slowed_and_the_right_password_gets_in(clock, open_studio, audited, monkeypatch):
    monkeypatch.setattr("edge.access.audit.SELDOM_S", GUARD_S)
    studio = open_studio()
    known, guest = Guest(studio.url), Guest(studio.url)
    assert known.log_in("ada") == 200
    statuses = [guest.log_in("ada", f"wrong password {number}") for number in range(5)]
    assert statuses == [401] * 5
    status, headers, _ = guest.ask("POST", "/api/login", {"name": "ada", "password": PASSWORDS["ada"]})
    assert status == 429 and int(headers["retry-after"]) >= 1
    assert known.log_in("ada") == 200, "a browser that was logged in before does not wait for strangers"
    clock.now_s += int(headers["retry-after"])
    assert guest.log_in("ada") == 200
    events = [one["event"] for one in audited()]
    assert events.count("login-failed") == 1, "one line in a while for each place"


def test_logging_in_again_ends_the_session_before(guest):
    assert guest.log_in("vera") == 200
    before = dict(guest.cookies)
    assert guest.log_in("vera") == 200
    stale = Guest(guest.url)
    stale.cookies = before
    assert stale.ask("GET", "/health")[0] == 401
    assert json.loads(guest.ask("GET", "/api/who")[2])["name"] == "vera"


@pytest.mark.slow
@pytest.mark.parametrize(("proxies", "is_apart"), [(("127.0.0.1",), True), ((), False)])
def test_viewers_behind_a_known_proxy_wait_each_for_themselves(clock, tmp_path, proxies, is_apart):
    studio = guarded_studio(write_users(tmp_path / "users.toml"), proxies=proxies)
    try:
        for number in range(25):
            body = {"name": f"nobody{number}", "password": "wrong"}
            last = Guest(studio.url).ask("POST", "/api/login", body, {"X-Forwarded-For": "10.0.0.6"})
        assert last[0] == 429
        body = {"name": "vera", "password": PASSWORDS["vera"]}
        answer = Guest(studio.url).ask("POST", "/api/login", body, {"X-Forwarded-For": "10.0.0.7"})
        assert answer[0] == (200 if is_apart else 429)
    finally:
        studio.close()
