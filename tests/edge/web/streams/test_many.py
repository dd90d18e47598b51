"""Eight viewers, one of which stands still: what is made for the others and what waits for it, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edge.web.streams import websocket as websocket_module
from edge.web.views import View, ViewEncoder
from tests.doubles.http_viewer import health_of, wait_for_frames
from tests.doubles.studio import Studio
from tests.doubles.waiting import wait_until
from tests.doubles.ws_viewer import WsViewer

NOISE = np.random.default_rng(1).integers(0, 256, (540, 960, 3), dtype=np.uint8)
NUM_ROUNDS = 40


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Counter[View]:
    """How often each view was encoded."""
    counted: Counter[View] = Counter()
    encode = ViewEncoder.encoded

    def noted(self: ViewEncoder, view: View, *rest: Any) -> Any:
        counted[view] += 1
        return encode(self, view, *rest)

    monkeypatch.setattr(ViewEncoder, "encoded", noted)
    return counted


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many messages were made for viewers of each view."""
    counted: Counter[str] = Counter()
    make = websocket_module.message_of

    def noted(picture: Any, view: str, *rest: Any) -> bytes:
        counted[view] += 1
        return make(picture, view, *rest)

    monkeypatch.setattr(websocket_module, "message_of", noted)
    return counted


@pytest.mark.slow
@pytest.mark.parametrize("asks", [False, True], ids=["silent", "asks and does not read"])
def test_one_that_stands_still_has_one_message_waiting_and_costs_the_others_nothing(
    studio: Studio, open_ws: Callable[..., WsViewer], made: Counter[View], sent: Counter[str], asks: bool
) -> None:
    studio.roll(NOISE, NOISE)
    dead = open_ws(buffer=4096).want("pair")
    others = [open_ws().want("raw") for _ in range(7)]
    for other in others:
        other.until(lambda one: one.state == "live")
    wait_until(lambda: sent["pair"])
    wait_for_frames(studio.url, health_of(studio.url)["frames"] + 3)  # what was begun for it before that is done
    made.clear()
    for number in range(NUM_ROUNDS):
        if asks and number % 2:
            dead.ask()
        for other in others:
            other.next()
    assert sent["pair"] <= 3, "1.4 MB each: one on its way, and those that the kernel took"
    assert made[View("pair")] <= 6, "not one for each of the pairs that came"
    assert sent["raw"] >= 7 * NUM_ROUNDS


@pytest.mark.slow
def test_each_size_is_encoded_once_for_all_who_look(
    studio: Studio, open_ws: Callable[..., WsViewer], made: Counter[View]
) -> None:
    studio.roll(NOISE, NOISE)
    viewers = [open_ws().want("enhanced", width=width) for width in (300, 400, 480, 500, 600, 640, 960)]
    for viewer in viewers:
        viewer.until(lambda one: one.state == "live")
    made.clear()
    begin = studio.seq
    for _ in range(NUM_ROUNDS):
        for viewer in viewers:
            viewer.next()
    num_pairs = studio.seq - begin + 2
    assert set(made) == {View("enhanced", width_px=width_px) for width_px in (480, 640, 960)}
    assert max(made.values()) <= num_pairs + NUM_ROUNDS // 4, "not one for each of three"


@pytest.mark.slow
def test_a_slow_viewer_never_waits_for_a_queue(studio: Studio, open_ws: Callable[..., WsViewer]) -> None:
    studio.roll(NOISE, NOISE)
    viewer = open_ws(buffer=4096).want("enhanced")
    viewer.until(lambda one: one.state == "live")
    viewer.read()
    for _ in range(3):
        begin = studio.seq
        wait_until(lambda begin=begin: studio.seq >= begin + 20)
        studio.wait_taken()
        viewer.ask()
        assert viewer.read().seq >= begin + 16, "20 were published meanwhile"
