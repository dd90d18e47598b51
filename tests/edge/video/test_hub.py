"""Who looks, and what becomes of them when the video process fails."""

from __future__ import annotations

from typing import Any

import pytest

from edge.video import hub as hub_module
from edge.video.hub import Hub
from edge.video.listening import Coded, Listener, NoVideo
from tests.doubles.scripted_video import ScriptedVideo


class Bench:
    """A hub whose processes are scripted, and a clock that the test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **child: Any) -> None:
        self.now_s = 1000.0
        self.children: list[ScriptedVideo] = []
        self.got: list[Coded] = []
        self.ended: list[str] = []
        monkeypatch.setattr(hub_module.time, "monotonic", lambda: self.now_s)
        self._child = child
        self.hub = Hub(make_child=self._make)

    def _make(self, num_bytes: int, on_message: Any) -> ScriptedVideo:
        self.children.append(ScriptedVideo(num_bytes, on_message, **{"answers": False, **self._child}))
        return self.children[-1]

    def start(self) -> ScriptedVideo:
        self.hub.need()
        self.hub.tend()
        return self.children[-1]

    def look(self, name: str = "a", view: Any = "raw") -> None:
        self.hub.begin(name, Listener(view, self.ended.append, self.got.append))

    def picture(self, view: Any = "raw") -> None:
        self.hub.picture(view, {"t_ns": 5})

    def coded(self, view: str = "raw", *, whole: bool = True) -> None:
        self.children[-1].say({"kind": "coded", "view": view, "t_ns": 5, "whole": whole})


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def test_nothing_runs_until_somebody_may_look_and_it_ends_when_nobody_has_for_a_while(bench: Bench) -> None:
    bench.hub.tend()
    assert not bench.children
    child = bench.start()
    assert bench.hub.lacks == ""
    bench.now_s += hub_module.IDLE_S + 1
    bench.hub.tend()
    assert child.is_gone
    bench.now_s += 1
    bench.hub.tend()
    assert len(bench.children) == 1
    assert bench.hub.record()["reason"] == "", "that it was ended is no trouble"


def test_who_looks_keeps_it(bench: Bench) -> None:
    child = bench.start()
    bench.look()
    bench.now_s += hub_module.IDLE_S + 1
    bench.hub.tend()
    assert not child.is_gone


def test_a_view_goes_to_those_who_look_at_it(bench: Bench) -> None:
    bench.start()
    bench.look("a", "raw")
    bench.picture()
    bench.coded("raw")
    bench.coded("enhanced")
    assert [coded.view for coded in bench.got] == ["raw"]


def test_the_first_picture_of_everybody_can_be_decoded_alone(bench: Bench) -> None:
    child = bench.start()
    bench.look("a")
    bench.look("b")
    assert child.kinds() == ["whole", "whole"]
    assert bench.hub.wanted(only_unserved=True) == ("raw",)
    bench.picture()
    assert bench.hub.wanted(only_unserved=True) == ()


def test_an_encoder_that_is_slow_gets_no_queue(bench: Bench) -> None:
    bench.start()
    bench.look()
    for _ in range(hub_module.NUM_SLOTS):
        assert bench.hub.wanted(only_unserved=False) == ("raw",)
        bench.picture()
    assert bench.hub.wanted(only_unserved=False) == ()
    bench.coded()
    assert bench.hub.wanted(only_unserved=False) == ("raw",)


def test_pictures_on_their_way_lie_in_memory_of_their_own(bench: Bench) -> None:
    bench.start()
    bench.look("a", "raw")
    bench.look("b", "pair")
    places = set()
    for view in ("raw", "pair"):
        for _ in range(hub_module.NUM_SLOTS):
            room = bench.hub.room(view)
            assert room is not None
            places.add(room[1])
            bench.picture(view)
    assert len(places) == 2 * hub_module.NUM_SLOTS


def test_the_last_who_leaves_a_view_stops_its_encoder(bench: Bench) -> None:
    child = bench.start()
    bench.look("a")
    bench.look("b")
    bench.hub.end("a")
    assert "stop" not in child.kinds()
    bench.hub.end("b")
    assert child.told[-1] == {"kind": "stop", "view": "raw"}
    assert bench.ended == [], "who leaves by himself is told nothing"


def test_when_it_dies_everybody_is_told_and_it_is_started_again_later_and_later(bench: Bench) -> None:
    bench.start()
    bench.look()
    pauses_s = []
    for _ in range(4):
        bench.children[-1].die()
        died_s, num = bench.now_s, len(bench.children)
        while len(bench.children) == num:
            bench.now_s += 0.1
            bench.hub.need()
            bench.hub.tend()
        pauses_s.append(round(bench.now_s - died_s))
    assert pauses_s == [1, 2, 4, 8]
    assert bench.ended == ["the video process ended: it ended with status 1"]
    assert bench.hub.num_viewers() == 0


@pytest.mark.parametrize("trouble", ["hung", "stuck"])
def test_one_that_hangs_is_ended(bench: Bench, trouble: str) -> None:
    child = bench.start()
    bench.look()
    bench.picture()
    child.is_hung = trouble == "hung"
    bench.now_s += 0 if trouble == "hung" else hub_module._STUCK_S + 1
    bench.hub.tend()
    assert child.is_gone
    assert len(bench.ended) == 1


def test_an_encoder_that_fails_is_told_by_its_name(bench: Bench) -> None:
    child = bench.start()
    bench.look()
    child.say({"kind": "failed", "view": "raw", "why": "x264enc: no memory"})
    assert bench.ended == ["the video process ended: raw: x264enc: no memory"]
    assert bench.hub.record()["reason"] == "raw: x264enc: no memory"


def test_a_viewer_that_has_gone_is_forgotten(bench: Bench) -> None:
    child = bench.start()
    bench.look("a")
    child.say({"kind": "ended", "peer": "a", "why": "it was not heard of any more"})
    child.say({"kind": "ended", "peer": "a", "why": "again"})
    assert bench.ended == ["it was not heard of any more"]
    assert bench.hub.num_viewers() == 0


def test_without_a_process_nobody_can_begin(bench: Bench) -> None:
    with pytest.raises(NoVideo, match="starts"):
        bench.look()


@pytest.mark.parametrize(
    ("encoder", "lacks", "told"),
    [
        ("auto", ("webrtcbin", "nicesrc"), "GStreamer has no webrtcbin, nicesrc: apt-get install .*gstreamer1.0-nice"),
        ("nvh264enc", (), "no H.264 encoder for video.encoder = 'nvh264enc' .it has x264enc.: apt-get install"),
    ],
)
def test_what_is_missing_is_told_with_its_package(
    monkeypatch: pytest.MonkeyPatch, encoder: str, lacks: tuple[str, ...], told: str
) -> None:
    bench = Bench(monkeypatch, lacks=lacks)
    bench.hub._encoder = encoder
    bench.start()
    with pytest.raises(AssertionError, match=told):
        raise AssertionError(bench.hub.lacks)
    assert bool(bench.hub.lacks_coding) == (encoder != "auto"), "RTSP needs no WebRTC"
