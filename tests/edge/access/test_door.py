"""The door: who gets in, where to, and until when."""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

import pytest

from calib.capture.capture import SITE_FILES
from edge.access.door import Door, _words
from edge.access.people import People, User
from edge.access.rights import ANYWHERE_ELSE, RIGHTS, ROLES, least_role, may
from edge.config import WebConfig
from edge.frames.frame import FramePair
from edge.health.news import Board
from edge.health.record import Health
from edge.saving.freeze import Freeze
from edge.web.audience import Audience
from edge.web.routes import Routes, Site
from tests.doubles.guarded import PASSWORDS, Guest, hashed, three_users, with_token, write_users
from tests.doubles.http_viewer import GUARD_S
from tests.doubles.studio import Shelf

NOW = datetime.now(timezone.utc)


def all_routes() -> list[tuple[str, str]]:
    """(method, route) of everything that the page answers, and calibration's, the catch-all included."""
    board = Board()
    health = Health(board)
    shown: FramePair | None = None
    of_calib = Site(SITE_FILES, {"/guidance": dict})
    found: set[tuple[str, str]] = set()
    for site in (None, of_calib):
        routes = Routes(health, Audience(), Freeze(health, board, Shelf()), lambda: shown, Door(WebConfig()), site)
        found |= {(route.method, route.resource.canonical) for route in routes.app().router.routes()}
    return sorted(found)


def wait_until(condition: Any, why: str) -> None:
    end_s = time.monotonic() + GUARD_S
    while not condition():
        assert time.monotonic() < end_s, why
        time.sleep(0.05)


def test_every_route_has_a_row_in_the_table_of_rights():
    assert [one for one in all_routes() if least_role(*one) is None] == []
    assert least_role("GET", "/something/new") is None
    assert least_role("PUT", "/") is None


@pytest.mark.parametrize(("least", "allowed"), [("anyone", 4), ("viewer", 3), ("operator", 2), ("admin", 1), (None, 0)])
def test_a_role_may_what_those_before_it_may(least, allowed):
    assert [may(role, least) for role in (None, *ROLES)] == [False] * (4 - allowed) + [True] * allowed


@pytest.mark.parametrize("name", [None, *PASSWORDS])
def test_each_role_gets_what_the_table_says_and_nothing_more(studio, guest, name):
    studio.show()
    role = None
    if name is not None:
        assert guest.log_in(name) == 200
        role = three_users().users[name].role
    for method, route in RIGHTS:
        if route in ("/guidance", "/calib.js", "/calib.css", "/api/logout"):
            continue
        path = "/nowhere" if route == ANYWHERE_ELSE else route
        status = guest.status("GET" if method == "*" else method, path)
        if status == 404 and role and path.startswith("/api/"):
            continue  # of a part that this unit does not have: as any address that leads nowhere
        if may(role, RIGHTS[method, route]):
            assert status not in (401, 403) or path == "/api/login", (route, status)
        else:
            assert status == (403 if role else 303 if route == "/" else 401), (route, status)


def test_a_browser_is_led_to_the_login_and_a_program_is_told(guest):
    status, headers, _ = guest.ask("GET", "/")
    assert (status, headers["location"]) == (303, "login")
    status, headers, body = guest.ask("GET", "/health")
    assert (status, headers["www-authenticate"]) == (401, 'Bearer realm="edge-enhance"')
    assert b"log in" in body


def test_a_cookie_is_out_of_reach_of_scripts_and_other_sites(guest):
    connection = guest.open("POST", "/api/login", {"name": "vera", "password": PASSWORDS["vera"]})
    cookies = connection.getresponse().headers.get_all("Set-Cookie")
    connection.close()
    port = urlsplit(guest.url).port
    assert re.fullmatch(rf"edge-session-{port}=[\w-]{{43}}; HttpOnly; Path=/; SameSite=Strict", cookies[0])
    assert all("HttpOnly" in one and "SameSite=Strict" in one for one in cookies)


def test_who_am_i(guest):
    assert guest.log_in("vera") == 200
    assert json.loads(guest.ask("GET", "/api/who")[2]) == {"name": "vera", "role": "viewer", "session": True}


@pytest.mark.parametrize(
    "cookie",
    [
        pytest.param("{name}=", id="empty"),
        pytest.param("{name}=" + "A" * 43, id="guessed"),
        pytest.param("{name}={value}x", id="lengthened"),
        pytest.param("{name}=forged; {name}={value}", id="two of the name"),
        pytest.param("edge-session={value}", id="another name"),
        pytest.param("{name}=\xff\xfe", id="not ASCII"),
        pytest.param('{name}="{value}"', id="quoted"),
    ],
)
def test_a_forged_cookie_is_none(guest, cookie):
    assert guest.log_in("ada") == 200
    name = next(key for key in guest.cookies if "session" in key)
    text = cookie.format(name=name, value=guest.cookies[name])
    assert guest.ask("GET", "/health", headers={"Cookie": text})[0] == 401
    assert guest.ask("GET", "/health")[0] == 200


def stream(guest: Guest) -> http.client.HTTPResponse:
    answer = guest.open("GET", "/stream.mjpg").getresponse()
    assert answer.status == 200
    answer.read(100)
    return answer


def ends(answer: http.client.HTTPResponse) -> bool:
    """Whether a stream is cut; one that goes on raises at the end of the guard's time."""
    end_s = time.monotonic() + GUARD_S
    try:
        while time.monotonic() < end_s:
            if not answer.read(10_000):
                return True
    except (ConnectionError, http.client.IncompleteRead):
        return True
    return False


def test_a_stream_ends_with_the_session_that_opened_it(studio, guest, audited):
    studio.roll()
    assert guest.log_in("vera") == 200
    answer = stream(guest)
    assert guest.ask("POST", "/api/logout")[0] == 204
    assert ends(answer)
    assert guest.ask("GET", "/stream.mjpg")[0] == 401
    assert [one["event"] for one in audited()] == ["login", "look-begin", "session-ended"]


@pytest.mark.parametrize(
    "people",
    [
        pytest.param(People({}, {}), id="user removed"),
        pytest.param(People({"vera": User("vera", "viewer", hashed("another password"))}, {}), id="password changed"),
    ],
)
def test_streams_and_sessions_end_when_the_user_does(studio, users, guest, people):
    studio.roll()
    assert guest.log_in("vera") == 200
    answer = stream(guest)
    write_users(users, people)
    assert ends(answer)
    assert guest.ask("GET", "/health")[0] == 401


def test_a_user_that_was_added_can_log_in_without_a_restart(users, guest):
    assert guest.log_in("zoe", "zoe is new here") == 401
    write_users(users, People({"zoe": User("zoe", "viewer", hashed("zoe is new here"))}, {}))
    wait_until(lambda: guest.log_in("zoe", "zoe is new here") == 200, "the users file was not read again")


def test_a_users_file_that_was_damaged_changes_nothing_and_is_told(users, guest):
    assert guest.log_in("ada") == 200
    users.write_text("[[user")

    def told() -> list[str]:
        return list(json.loads(guest.ask("GET", "/health")[2])["access"]["notices"])

    wait_until(told, "the damage was not told")
    assert "not taken" in told()[0]
    assert Guest(guest.url).log_in("vera") == 200


def test_a_token_opens_what_its_role_may(studio, users, guest):
    token = with_token(users, "viewer", NOW)
    bearer = {"Authorization": f"Bearer {token}"}
    wait_until(lambda: guest.ask("GET", "/health", headers=bearer)[0] == 200, "the token was not taken")
    assert guest.ask("POST", "/api/live", headers=bearer)[0] == 403
    assert guest.ask("GET", "/", headers=bearer)[0] == 200
    assert guest.ask("GET", "/health", headers={"Authorization": f"Bearer {token}x"})[0] == 401
    assert guest.ask("GET", "/health", headers={"Authorization": f"Basic {token}"})[0] == 401
    assert token not in users.read_text()


def test_a_wrong_token_is_not_made_good_by_a_cookie(guest):
    assert guest.log_in("ada") == 200
    assert guest.ask("GET", "/health", headers={"Authorization": "Bearer edgetoken_nonsense"})[0] == 401


@pytest.mark.parametrize(
    ("made", "days", "why"),
    [
        pytest.param(NOW - timedelta(days=31), 30, "ended on", id="ended"),
        pytest.param(NOW + timedelta(days=365), 30, "the unit's clock says", id="the clock is behind"),
    ],
)
def test_a_token_counts_between_two_moments(users, open_studio, made, days, why):
    token = with_token(users, "viewer", made, days)
    status, _, body = Guest(open_studio().url).ask("GET", "/health", headers={"Authorization": f"Bearer {token}"})
    assert status == 401
    assert why in body.decode()


def test_a_stream_ends_with_its_token(studio, users, guest):
    studio.roll()
    token = with_token(users, "viewer", NOW)
    bearer = {"Authorization": f"Bearer {token}"}
    wait_until(lambda: guest.ask("GET", "/health", headers=bearer)[0] == 200, "the token was not taken")
    answer = guest.open("GET", "/stream.mjpg", headers=bearer).getresponse()
    answer.read(100)
    write_users(users)
    assert ends(answer)


@pytest.mark.parametrize(
    "path",
    [
        "/health?token={token}",
        "/health?access_token=abc",
        "/health?x={token}",
        "/{token}/health",
        "/health?x=edgetoken%5F{rest}",
        "/health?a=1&PASSWORD=secret",
        "/stream.mjpg?view=raw;api_key=1",
    ],
)
def test_a_token_in_an_address_is_refused_and_not_written_down(users, open_studio, audited, caplog, path):
    token = with_token(users, "viewer", NOW)
    guest = Guest(open_studio().url)
    bearer = {"Authorization": f"Bearer {token}"}
    path = path.format(token=token, rest=token.removeprefix("edgetoken_"))
    status, _, body = guest.ask("GET", path, headers=bearer)
    assert (status, b"Authorization: Bearer" in body) == (400, True)
    assert [one["event"] for one in audited()] == ["secret-in-address"]
    assert token[-20:] not in json.dumps(audited()) + caplog.text
    assert guest.ask("GET", "/snapshot.png?view=raw", headers=bearer)[0] != 400


def test_what_somebody_asked_for_is_recorded_with_their_name(studio, guest, audited):
    studio.show()
    assert guest.log_in("otto") == 200
    assert guest.ask("POST", "/api/strength?value=0.5")[0] == 200
    assert guest.ask("POST", "/api/strength?value=nonsense")[0] == 400
    asked = [one for one in audited() if one["event"].startswith("asked")]
    assert [(one["event"], one["who"], one["role"], one["value"]) for one in asked] == [
        ("asked-strength", "otto", "operator", "0.5")
    ]


def test_a_look_is_recorded_once_however_often_the_view_changes(studio, guest, audited):
    studio.roll()
    assert guest.log_in("vera") == 200
    for view in ("raw", "enhanced", "raw"):
        answer = guest.open("GET", f"/stream.mjpg?view={view}").getresponse()
        answer.read(100)
        answer.close()
        wait_until(lambda: studio.sink.count_viewers() == 0, "the stream is still open")
    studio.close()
    looks = [one for one in audited() if one["event"].startswith("look")]
    assert [(one["event"], one["who"]) for one in looks] == [("look-begin", "vera"), ("look-end", "vera")]


def test_without_users_everybody_may_and_the_record_has_no_name(open_studio, audited):
    studio = open_studio(users="")
    guest = Guest(studio.url)
    assert json.loads(guest.ask("GET", "/api/who")[2]) == {"name": "anyone", "role": "admin", "session": False}
    assert guest.ask("POST", "/api/live")[0] == 200
    assert guest.log_in("ada") == 409
    assert [(one["event"], one["who"]) for one in audited()] == [("asked-live", "anyone")]


def test_an_idle_session_ends_and_one_that_looks_does_not():
    from edge.access.sessions import Sessions

    clock, ended = [0.0], []
    sessions = Sessions(60.0, 1000.0, lambda session, why: ended.append((session.name, why)), lambda: clock[0])
    idle, looking = (sessions.begin(name, "hash", "::1") for name in ("idle", "looking"))
    for _ in range(3):
        clock[0] += 30.0
        sessions.use(sessions.of(looking))
        sessions.sweep(lambda name: "hash")
    assert ended == [("idle", "idle")]
    assert (sessions.of(idle), sessions.of(looking) is None) == (None, False)
    clock[0] = 1000.0
    assert sessions.of(looking) is None
    sessions.sweep(lambda name: "hash")
    assert ended == [("idle", "idle"), ("looking", "time is over")]


def test_a_service_that_is_started_again_asks_nobody_for_a_password(open_studio, tmp_path):
    studio = open_studio()
    guest = Guest(studio.url)
    assert guest.log_in("vera") == 200
    kept = tmp_path / "run" / "sessions.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert guest.cookie("session") not in kept.read_text()
    assert hashed(PASSWORDS["vera"]) not in kept.read_text()
    port = urlsplit(studio.url).port
    studio.close()
    again = Guest(open_studio(listen=f"127.0.0.1:{port}").url)
    again.cookies = guest.cookies
    assert again.ask("GET", "/health")[0] == 200
    assert again.ask("POST", "/api/logout")[0] == 204
    assert json.loads(kept.read_text())["sessions"] == {}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            lambda path: path.write_text(path.read_text().replace('"boot": "', '"boot": "0')), id="a boot ago"
        ),
        pytest.param(lambda path: path.chmod(0o666), id="open to others"),
        pytest.param(lambda path: path.write_text("[]"), id="damaged"),
        pytest.param(lambda path: path.write_text('{"boot'), id="half"),
        pytest.param(lambda path: path.unlink(), id="gone"),
    ],
)
def test_kept_sessions_that_cannot_be_trusted_are_none(tmp_path, change):
    from edge.access.sessions import Sessions

    path = tmp_path / "sessions.json"
    cookie = Sessions(60.0, 60.0, lambda session, why: None, kept=path).begin("vera", "hash", "::1")
    assert Sessions(60.0, 60.0, lambda session, why: None, kept=path).of(cookie) is not None
    change(path)
    assert Sessions(60.0, 60.0, lambda session, why: None, kept=path).of(cookie) is None


def test_sessions_are_bounded_and_one_users_do_not_push_out_others():
    from edge.access.sessions import MAX_OF_ONE_USER, MAX_SESSIONS, Sessions

    clock = [0.0]
    sessions = Sessions(1e6, 1e6, lambda session, why: None, lambda: clock[0])
    first = sessions.begin("right", "hash", "::1")
    for _ in range(100):
        clock[0] += 1.0
        sessions.begin("many", "hash", "::1")
    assert len(sessions) == 1 + MAX_OF_ONE_USER
    assert sessions.of(first) is not None
    for number in range(2 * MAX_SESSIONS):
        clock[0] += 1.0
        sessions.begin(f"user {number}", "hash", "::1")
    assert len(sessions) == MAX_SESSIONS


def test_the_clock_on_the_wall_may_jump_by_years(guest, monkeypatch):
    """A session is counted by the monotonic clock."""
    assert guest.log_in("vera") == 200
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert guest.ask("GET", "/health")[0] == 200


def test_many_log_in_at_once_and_the_picture_goes_on(studio, users):
    """Hundreds of logins: at most one is hashed at a time, a few wait, the others are told to come again."""
    studio.roll()
    outcomes: list[int] = []

    def come() -> None:
        outcomes.append(Guest(studio.url).log_in("ada"))

    threads = [threading.Thread(target=come) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(outcomes) <= {200, 503}
    assert 200 in outcomes
    viewer = Guest(studio.url)
    wait_until(lambda: viewer.log_in("vera") == 200, "the door did not open again")
    before = studio.health.num_frames
    stream(viewer)
    wait_until(lambda: studio.health.num_frames > before, "the picture stands still")


@pytest.mark.parametrize(
    ("method", "route", "words"),
    [
        ("POST", "/api/save", "save"),
        ("POST", "/api/recording/start", "recording-start"),
        ("DELETE", "/api/saved/{name}", "delete-saved"),
        ("POST", "/api/camera-controls", "camera-controls"),
    ],
)
def test_what_was_asked_for_has_one_name_in_the_audit_log(method, route, words):
    assert _words(method, route) == words
