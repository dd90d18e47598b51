"""A frozen unit over real sockets: what streams, snapshots and events say."""

from __future__ import annotations

import http.client
import json
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from edge.frames.frame import FramePair
from edge.health.news import Saved, SessionChanged
from edge.saving.saver import PairSaver
from edge.web.views import RESTAMP_S
from tests.doubles.http_viewer import get, image_from_png, is_near, wait_for_frames
from tests.doubles.studio import ENHANCED_RED, RAW_GREEN
from tests.doubles.waiting import GUARD_S

BORDER_BLUE = (72, 160, 255)


class Listener:
    """Reads /events."""

    def __init__(self, url: str) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=GUARD_S)
        self.connection.request("GET", "/events")
        self.response = self.connection.getresponse()

    def next(self, *, healths: bool = False) -> tuple[str, dict[str, Any]]:
        """The next event; those of the parts' health only where they are asked for."""
        while True:
            kind, data = self._event()
            if (kind == "health") == healths:
                return kind, data

    def _event(self) -> tuple[str, dict[str, Any]]:
        kind = ""
        while True:
            line = self.response.readline().decode().strip()
            if line.startswith("event: "):
                kind = line[7:]
            elif line.startswith("data: "):
                return kind, json.loads(line[6:])

    def close(self) -> None:
        self.response.close()
        self.connection.close()


@pytest.fixture
def listener(studio: Any) -> Any:
    listener = Listener(studio.url)
    yield listener
    listener.close()


@pytest.mark.parametrize("view", ["enhanced", "raw", "split"])
def test_a_frozen_stream_stands_still_and_says_so_in_its_pixels(studio: Any, watch: Any, view: str) -> None:
    studio.roll()
    viewer = watch(f"view={view}")
    viewer.until(lambda part: part.state == "live")
    studio.freeze()
    first = viewer.until(lambda part: part.state == "frozen")
    later = [viewer.next() for _ in range(3)]
    assert {part.seq for part in later} == {first.seq}
    assert {part.state for part in later} == {"frozen"}
    assert float(later[-1].headers["x-age-ms"]) > float(first.headers["x-age-ms"])
    border = later[-1].image[:2].mean(axis=(0, 1))
    assert np.abs(border - BORDER_BLUE).max() < 15, "never mistaken for live, whatever shows it"
    studio.press()
    assert viewer.until(lambda part: part.state == "live").seq > first.seq


def test_a_frozen_picture_is_not_encoded_at_the_rate_of_the_camera(studio: Any, watch: Any) -> None:
    studio.roll()
    viewer = watch("view=enhanced")
    wait_for_frames(studio.url)
    begin_s, num_parts = time.monotonic(), 6
    studio.freeze()
    viewer.until(lambda part: part.state == "frozen")
    for _ in range(num_parts):
        viewer.next()
    passed_s = time.monotonic() - begin_s
    assert num_parts <= passed_s / RESTAMP_S + 2  # 25 pictures a second come in; one every half second goes out


def test_snapshots_of_a_frozen_unit_are_of_the_frozen_picture(studio: Any) -> None:
    studio.show()
    pair = studio.freeze()
    for _ in range(3):
        studio.show(raw=studio.freezer.frozen.enhanced.image)
    response, raw = get(studio.url, "/snapshot.png?view=raw")
    assert (response.headers["X-Seq"], response.headers["X-State"]) == (str(pair.raw.seq), "frozen")
    assert is_near(image_from_png(raw), RAW_GREEN, 0), "untouched"
    response, enhanced = get(studio.url, "/snapshot.png?view=enhanced")
    assert is_near(image_from_png(enhanced)[1], BORDER_BLUE, 0)
    assert is_near(image_from_png(enhanced)[100:250, 100:400], ENHANCED_RED, 0)


def test_events_tell_the_state_at_once_and_each_change(studio: Any, listener: Any) -> None:
    assert listener.next() == ("state", {"frozen": False, "view": "enhanced", "strength": 1.0})
    studio.show()
    studio.freeze()
    assert listener.next() == ("state", {"frozen": True, "view": "enhanced", "strength": 1.0})
    studio.long_press()
    assert listener.next() == ("state", {"frozen": True, "view": "raw", "strength": 1.0})
    studio.board.post(Saved("a.png"))
    assert listener.next() == ("saved", {"name": "a.png"})
    late = Listener(studio.url)
    assert late.next() == ("state", {"frozen": True, "view": "raw", "strength": 1.0})
    late.close()


def post(url: str, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=GUARD_S)
    connection.request("POST", path, headers=headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, body


def shown_and_saved(
    studio: Any, headers: dict[str, str] | None = None, *, only_raw: bool = False
) -> tuple[FramePair, int, bytes]:
    """The pair that was saved, and the answer; on a busy machine one may be too old by then, which another test has."""
    while True:
        pair = studio.show(only_raw=only_raw)
        status, body = post(studio.url, "/api/save", headers or {})
        if status != 409:
            return pair, status, body


def test_only_the_units_own_page_may_end_a_freeze(studio: Any) -> None:
    studio.show()
    studio.freeze()
    status, _ = post(studio.url, "/api/live", {"Sec-Fetch-Site": "cross-site"})
    assert status == 403
    assert json.loads(get(studio.url, "/health")[1])["frozen"] is True
    assert studio.freezer.frozen is not None
    status, body = post(studio.url, "/api/live", {"Sec-Fetch-Site": "same-origin"})
    assert json.loads(get(studio.url, "/health")[1])["frozen"] is False
    assert (status, json.loads(body)) == (200, {"frozen": False, "view": "enhanced", "strength": 1.0})
    assert studio.freezer.frozen is None


def test_the_page_saves_on_the_unit_what_is_shown_and_can_copy_that_very_pair(studio: Any) -> None:
    pair, status, body = shown_and_saved(studio, {"Sec-Fetch-Site": "same-origin"})
    assert (status, json.loads(body)) == (202, {"seq": pair.raw.seq, "views": ["raw", "enhanced"]})
    assert studio.shelf.pairs == [pair]
    studio.show(raw=pair.enhanced.image)
    response, file = get(studio.url, f"/snapshot.png?view=raw&seq={pair.raw.seq}")
    assert response.status == 200
    assert is_near(image_from_png(file), RAW_GREEN, 0)


def test_who_saves_too_fast_is_never_answered_with_a_picture_of_the_patient_before(studio: Any) -> None:
    def saved() -> tuple[FramePair, int]:
        pair, _, body = shown_and_saved(studio)
        return pair, int(json.loads(body)["seq"])

    studio.board.post(SessionChanged("a"))
    answers: list[int] = []
    while len(answers) < 50 and (len(answers) < 2 or answers[-1] != answers[-2]):  # until the one before stands for it
        answers.append(saved()[1])
    assert len(answers) < 50
    num_saved = len(studio.shelf.pairs)
    studio.board.post(SessionChanged("b"))
    pair, seq = saved()
    assert seq == pair.raw.seq
    assert studio.shelf.pairs[num_saved:] == [pair]


def name_of(response: Any) -> str:
    found = re.search(r'filename="([^"]+)"', response.headers["Content-Disposition"])
    assert found is not None
    return found[1]


def test_what_the_page_copies_is_called_as_what_the_unit_saves(studio: Any, tmp_path: Path) -> None:
    saved: list[str] = []
    studio.board.read(Saved, lambda news: saved.append(news.name))
    studio.freezer._saver = saver = PairSaver(tmp_path, studio.health, studio.board, studio.freezer.names)
    saver.start()
    seq = json.loads(shown_and_saved(studio)[2])["seq"]
    copies = [name_of(get(studio.url, f"/snapshot.png?view={view}&seq={seq}")[0]) for view in ("raw", "enhanced")]
    saver.close()
    assert re.fullmatch(r"throat-\d{8}T\d{6}\.\d{3}Z-\d{6}-enhanced\.png", copies[1])
    assert sorted([*copies, f"{copies[1]}.json"]) == sorted(path.name for path in tmp_path.iterdir())
    assert saved == [copies[1]]


def test_a_pair_that_was_not_enhanced_is_one_raw_file_by_its_name(studio: Any) -> None:
    _, status, body = shown_and_saved(studio, only_raw=True)
    assert (status, json.loads(body)["views"]) == (202, ["raw"])
    studio.wait_taken()
    response, _ = get(studio.url, "/snapshot.png?view=enhanced")
    assert response.status == 200
    assert response.headers["X-Mode"] == "raw"
    assert name_of(response).endswith("-raw.png"), "named by what it is, not by what was asked for"


def test_what_is_not_live_is_not_saved_and_another_site_saves_nothing(studio: Any) -> None:
    status, body = post(studio.url, "/api/save", {})
    assert (status, body) == (409, b"not saved: the picture is not live; /health says why\n")
    studio.show()
    assert post(studio.url, "/api/save", {"Sec-Fetch-Site": "cross-site"})[0] == 403
    assert studio.shelf.pairs == []


def test_the_strength_is_set_for_everybody_and_told_to_every_page(studio: Any) -> None:
    listener = Listener(studio.url)
    assert listener.next() == ("state", {"frozen": False, "view": "enhanced", "strength": 1.0})
    status, body = post(studio.url, "/api/strength?value=0.35", {"Sec-Fetch-Site": "same-origin"})
    assert (status, json.loads(body)["strength"]) == (200, 0.35)
    assert studio.freezer.strength() == 0.35
    assert listener.next()[1]["strength"] == 0.35
    listener.close()


@pytest.mark.parametrize("path", ["/api/live", "/api/save", "/api/strength?value=0.5"])
def test_over_plain_http_on_a_network_the_origin_tells_another_site(studio: Any, path: str) -> None:
    studio.show()
    host = urlsplit(studio.url).netloc
    for origin in ("http://elsewhere.example", f"http://{host}0", "null"):
        assert post(studio.url, path, {"Origin": origin})[0] == 403
    own = {"Origin": f"http://{host}"}
    assert (shown_and_saved(studio, own)[1] if path == "/api/save" else post(studio.url, path, own)[0]) in (200, 202)


def test_the_copy_of_a_held_pair_names_what_made_it_and_not_what_runs_by_now(studio: Any) -> None:
    while studio.freezer.frozen is None:  # on a busy machine one may come too late to count as live
        taken = studio.show().raw
        made = taken.enhanced(taken.image, "live", {}, 0.5, {"sha256": "ef" * 32})
        studio.freezer.publish(FramePair(taken, made))
        studio.freezer.press()
        studio.freezer.release()
    _, file = get(studio.url, "/snapshot.png?view=enhanced")
    assert f"model={'ef' * 32} strength=0.50 state=frozen".encode() in file


def test_the_health_record_says_how_much_of_the_enhancement_is_shown(studio: Any) -> None:
    assert json.loads(get(studio.url, "/health")[1])["strength"] == 1.0
    studio.freezer.set_strength(0.3)
    assert json.loads(get(studio.url, "/health")[1])["strength"] == 0.3


@pytest.mark.parametrize("value", ["", "1.01", "-0.1", "nan", "half", "1e999"])
def test_a_strength_that_is_none_is_refused_in_one_line(studio: Any, value: str) -> None:
    status, body = post(studio.url, f"/api/strength?value={value}", {})
    assert (status, studio.freezer.strength()) == (400, 1.0)
    assert body.decode() == f"value = {value!r}: expected a number from 0 to 1\n"
    assert post(studio.url, "/api/strength?value=0.5", {"Sec-Fetch-Site": "cross-site"})[0] == 403
    assert studio.freezer.strength() == 1.0


def test_notices_are_in_the_health_record_and_in_the_picture(studio: Any, watch: Any) -> None:
    viewer = watch("view=raw")
    studio.roll()
    plain = viewer.until(lambda part: part.state == "live").image[46:66, :200].astype(int)
    studio.health.enter("bridge", "failed", "camera head not connected")
    record = json.loads(get(studio.url, "/health")[1])
    assert record["notices"] == ["camera head not connected"]
    viewer.until(lambda part: abs(part.image[46:66, :200].astype(int) - plain).max() > 60)


def test_a_transition_of_a_part_is_an_event(studio: Any, listener: Any) -> None:
    listener.next()
    studio.health.enter("engine", "degraded", "live, bicubic: black")
    change = {"part": "engine", "state": "degraded", "reason": "live, bicubic: black"}
    assert listener.next(healths=True) == ("health", change)
