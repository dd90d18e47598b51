"""The rating page's server, asked by a real HTTP client, and killed."""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest

from tests.doubles.ports import free_port
from tests.doubles.waiting import GUARD_S, wait_until
from tests.paths import REPOSITORY
from tests.trainer.mdos.conftest import draw_methods, wish_of
from trainer.mdos.create import create_study
from trainer.mdos.ratings import read_sheets
from trainer.mdos.study import Study, read_study

KILLS = int(os.environ.get("KILLS", "50"))


class Server:
    """`edge-train mdos serve`, on the port that it had first."""

    def __init__(self, study: Study) -> None:
        self.study, self.port = study, free_port()
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "trainer", "mdos", "serve", str(self.study.folder)]
        listen = ["--listen", f"127.0.0.1:{self.port}"]
        self.process = subprocess.Popen([*command, *listen], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
        assert found, line
        self.port = int(found[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, what: str, told: Any, kind: str = "application/json") -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=GUARD_S)
        body = told if isinstance(told, bytes) else json.dumps(told).encode()
        connection.request("POST", f"/api/{what}", body, {"Content-Type": kind})
        answer = connection.getresponse()
        content = answer.read().decode()
        connection.close()
        return answer.status, json.loads(content) if answer.status == 200 else content

    def get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=GUARD_S)
        connection.request("GET", path)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def server(study: Study) -> Iterator[Server]:
    server = Server(study)
    yield server
    server.close()


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that change nothing."""
    folder = tmp_path_factory.mktemp("mdos")
    create_study(folder / "study", wish_of(draw_methods(folder / "pictures")))
    server = Server(read_study(folder / "study"))
    yield server
    server.close()


def begun(server: Server, rater: str | None = None, **more: Any) -> dict[str, Any]:
    status, told = server.ask("begin", {"code": rater or server.study.raters[0], **more})
    assert status == 200, told
    return dict(told)


def test_a_rater_begins_and_sees_nothing_that_tells_the_method(steady):
    told = begun(steady, take=True)
    assert set(told) == {
        "token", "rater", "title", "screen_px", "place", "done", "total", "item", "reference", "width_px", "height_px",
        "aspects", "scores", "ahead",
    }  # fmt: skip
    assert (told["place"], told["done"], told["total"]) == (0, 0, 53)
    status, png = steady.get(f"/picture/{told['item']}.png?token={told['token']}")
    assert status == 200
    assert cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR).shape == (27, 48, 3)


def test_a_code_is_known_however_it_is_typed_and_a_foreign_one_is_not(steady):
    begun(steady, steady.study.raters[0].lower() + " ", take=True)
    assert steady.ask("begin", {"code": "R9-XXXX"})[0] == 400


def test_two_windows_with_one_code(server):
    first = begun(server)
    status, words = server.ask("begin", {"code": server.study.raters[0]})
    assert status == 409
    assert "open in another window" in words
    second = begun(server, take=True)
    click = {"place": 0, "aspect": "quality", "score": 3, "ms": 900}
    status, words = server.ask("click", {"token": first["token"], "click": "a", **click})
    assert status == 409
    assert "another window" in words
    assert server.get(f"/picture/{second['item']}.png?token={first['token']}")[0] == 409
    assert server.ask("click", {"token": second["token"], "click": "b", **click})[0] == 200
    (sheet,) = read_sheets(server.study)
    assert [one.click for one in sheet.clicks] == ["b"]


def test_raters_do_not_disturb_one_another(server):
    tokens = [begun(server, rater)["token"] for rater in server.study.raters]
    for token in tokens:
        told = {"token": token, "click": "a", "place": 0, "aspect": "quality", "score": 3, "ms": 900}
        assert server.ask("click", told)[0] == 200
    assert [len(sheet.clicks) for sheet in read_sheets(server.study)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("what", "told", "kind", "status"),
    [
        ("begin", {"code": 7}, "application/json", 400),
        ("begin", [1], "application/json", 400),
        ("begin", b"{", "application/json", 400),
        ("begin", b"[" * 4000, "application/json", 400),
        ("begin", b"code=R1", "application/x-www-form-urlencoded", 415),
        ("begin", b" " * 9000, "application/json", 413),
        ("place", {"token": "none"}, "application/json", 409),
        ("click", {"token": "none"}, "application/json", 409),
        ("other", {}, "application/json", 404),
    ],
)
def test_what_no_page_sends_is_refused(steady, what, told, kind, status):
    assert steady.ask(what, told, kind)[0] == status


@pytest.mark.parametrize("path", ["/picture/../key.png", "/picture/key.png", "/key.json", "/picture/%2e%2e%2fkey.png"])
def test_nothing_but_pictures_can_be_had(steady, path):
    token = begun(steady, take=True)["token"]
    assert steady.get(f"{path}?token={token}")[0] in (403, 404)
    assert steady.get("/picture/00000000.png")[0] == 409


@pytest.mark.slow
def test_killed_at_random_moments_no_click_is_lost_and_none_doubled(server):
    """The page sends a click until it is told that it is kept; meanwhile the server is killed and started again."""
    random.seed(7)
    kept: list[str] = []
    is_over = threading.Event()

    def rate() -> None:
        token, place, order = "", 0, 0
        click, waiting = "", True
        while not is_over.is_set():
            try:
                if waiting:
                    status, told = server.ask("begin", {"code": server.study.raters[0], "take": True})
                    if status != 200:
                        continue
                    token, waiting, place = told["token"], False, told["place"]
                    aspects = [name for name in told.get("aspects", ()) if name not in told["scores"]]
                    if told["item"] is None:
                        return
                click = click or f"click-{order}"
                told = {"token": token, "click": click, "place": place, "aspect": aspects[0], "score": 3, "ms": 1}
                status, told = server.ask("click", told)
                if status == 409:
                    waiting = True
                    continue
                assert status == 200, told
                kept.append(click)
                click, order = "", order + 1
                aspects = aspects[1:]
                if not aspects:
                    waiting = True
            except (OSError, http.client.HTTPException):
                waiting = True
                time.sleep(0.02)

    page = threading.Thread(target=rate)
    page.start()
    for _ in range(KILLS):
        time.sleep(random.uniform(0.05, 0.4))
        server.kill()
        server.start()
    num_before = len(kept)
    wait_until(lambda: len(kept) > num_before or not page.is_alive())
    is_over.set()
    page.join(GUARD_S)
    (sheet,) = read_sheets(server.study)
    clicks = [one.click for one in sheet.clicks]
    assert len(clicks) == len(set(clicks))
    assert set(kept) <= set(clicks)
    assert kept


def test_an_address_in_use_is_told_in_one_line(steady):
    command = [sys.executable, "-m", "trainer", "mdos", "serve", str(steady.study.folder)]
    done = subprocess.run(
        [*command, "--listen", f"127.0.0.1:{steady.port}"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 74
    assert done.stderr.count("\n") == 1
    assert "name another address" in done.stderr
