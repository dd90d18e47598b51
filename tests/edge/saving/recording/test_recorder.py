"""Recording the live picture: at the camera's own times, whole whatever ends it, and never in the way."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import signal
import threading
import time
from datetime import datetime

import cv2
import numpy as np
import psutil
import pytest

from edge.basics.folders import open_folder
from edge.clips.program import NoFfmpeg
from edge.config import RecordingConfig
from edge.health.news import SessionChanged
from edge.pictures.marks import mode_of_file
from edge.saving.at_rest import PLAIN, AtRest
from edge.saving.patient_session import PatientSession, SessionRefused
from edge.saving.recording import encoders, recorder, tape
from edge.saving.recording.opening import NotRecorded
from edge.saving.recording.recording import Recording
from edge.saving.sealing.keys import Key
from edge.saving.store import NotRemoved
from tests.doubles.booth import HAS_FFPROBE, Booth, probed, times_s, wait_until
from tests.doubles.children import children_before, new_children  # noqa: F401 - a fixture
from tests.doubles.waiting import GUARD_S

pytestmark = pytest.mark.skipif(not HAS_FFPROBE, reason="needs ffprobe: apt-get install ffmpeg")


@pytest.fixture
def booth(tmp_path):
    booth = Booth(tmp_path / "kept")
    yield booth
    booth.close()


@pytest.fixture
def with_before(tmp_path):
    booth = Booth(tmp_path / "kept", before_s=4)
    booth.roll()
    wait_until(lambda: booth.recorder.record()["before"]["seconds"] >= 2.5)
    yield booth
    booth.close()


def ffmpegs():
    """Process ids of this test's FFmpegs."""
    found = []
    for child in new_children():
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
            found += [child.pid] if child.name().startswith("ffmpeg") else []
    return found


def frame_at(path, number):
    clip = cv2.VideoCapture(str(path))
    for _ in range(number + 1):
        there, image = clip.read()
        assert there
    clip.release()
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def recorded(booth, seconds=1.6, views=(), num_frames=0):
    booth.roll()
    name = booth.begin(views)["name"]
    booth.wait_recorded(seconds)
    booth.wait_frames(num_frames)
    told = booth.recorder.end()
    booth.cut()
    assert told["name"] == name
    return name


@pytest.mark.slow
def test_both_views_have_the_camera_s_own_times(booth):
    name = recorded(booth, num_frames=11)
    raw, enhanced = (times_s(booth.folder / f"{name}-{view}.mp4") for view in ("raw", "enhanced"))
    assert raw == enhanced, "frames of one moment have one time"
    assert raw[0] == 0 and len(raw) > 10
    taken_s = np.array(booth.taken_ns) / 1e9
    began_s = min(taken_s, key=lambda at: min(abs(taken_s - at - raw[-1])) + min(abs(taken_s - at - raw[3])))
    for at in raw:
        assert min(abs(taken_s - began_s - at)) < 0.001
    assert len(set(np.round(np.diff(raw), 4))) > 5, "irregular, as the camera was"


@pytest.mark.slow
def test_its_record_says_what_it_is(booth):
    booth.session = {"id": "s1", "label": "Müller 7"}
    name = recorded(booth)
    record = booth.record(name)
    assert (record["kind"], record["state"], record["ended"]) == ("recording", "ended", "on request")
    assert record["session"] == {"id": "s1", "label": "Müller 7"}
    assert record["model"]["sha256"] == "ab" * 32
    assert record["changes"][0] | {"at_s": 0} == {
        "at_s": 0, "mode": "enhanced", "profile": "live", "sha256": "ab" * 32, "strength": 1.0,
    }  # fmt: skip
    assert "Müller" not in name
    for file in record["output"]["files"]:
        path = booth.folder / file["name"]
        assert file["bytes"] == path.stat().st_size
        assert file["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert file["frames"] == len(times_s(path))
        assert mode_of_file(path) == file["mode"]
        assert file["duration_s"] == pytest.approx(float(probed(path)["format"]["duration"]), abs=0.001)
        assert path.stat().st_mode & 0o777 == 0o640
    assert cv2.imread(str(booth.folder / f"{name}.jpg")).shape == (180, 320, 3)
    wait_until(lambda: [news.is_running for news in booth.news] == [True, False])


@pytest.mark.parametrize("view", ["raw", "enhanced"])
def test_one_view_alone(booth, view):
    name = recorded(booth, 0.6, [view])
    assert sorted(path.name for path in booth.folder.glob("*.mp4")) == [f"{name}-{view}.mp4"]


@pytest.mark.slow
def test_only_the_enhanced_one_bears_a_mark(tmp_path):
    booth = Booth(tmp_path / "kept", size_px=(640, 360))
    try:
        booth.is_raw = True
        name = recorded(booth, 1.2, num_frames=4)
    finally:
        booth.close()
    raw, enhanced = (frame_at(booth.folder / f"{name}-{view}.mp4", 3) for view in ("raw", "enhanced"))
    corner = (slice(300, 344), slice(560, 624))
    assert enhanced[corner][2:-12, 2:-10].min() < 40 and enhanced[corner].std() != raw[corner].std()
    assert np.abs(raw.astype(int) - enhanced)[:290].mean() < 2, "nothing was enhanced: the same picture"
    assert np.abs(raw.astype(int) - enhanced)[corner].mean() > 25, "but it says RAW"


def test_what_is_not_live_is_a_gap_in_time(booth):
    booth.roll()
    name = booth.begin(["raw"])["name"]
    recording = booth.recorder._current.recording
    booth.wait_recorded(0.6)
    booth.cut()
    num_live = len(booth.taken_ns)
    booth.roll(late_s=0.9)  # stale
    wait_until(lambda: booth.taken_ns[-1] - booth.taken_ns[num_live - 1] > 1_000_000_000)
    booth.cut()
    num_stale = len(booth.taken_ns)
    booth.roll()
    booth.wait_recorded(booth.recorder.state()["seconds"] + 1.6)
    booth.recorder.end()
    times = times_s(booth.folder / f"{name}-raw.mp4")
    taken = (np.array(booth.taken_ns) - recording._origin_ns) / 1e9
    before, between, after = taken[:num_live], taken[num_live:num_stale], taken[num_stale:]
    stale = between[between > before[-1]]
    near = [[bool(np.abs(kind - at).min() < 0.001) for kind in (before, stale, after)] for at in times]
    assert all(sorted(one) == [False, False, True] for one in near), "each is a picture that was taken, and of one kind"
    assert not any(is_stale for _, is_stale, _ in near)
    assert near[0][0] and near[-1][2]


def test_no_recording_begins_of_a_picture_that_is_not_live(booth):
    with pytest.raises(NotRecorded, match="there is no picture yet"):
        booth.recorder.begin()
    booth.show(late_s=2.0)
    with pytest.raises(NotRecorded, match="not live"):
        booth.recorder.begin()
    assert not list(booth.folder.glob("*")) if booth.folder.exists() else True


@pytest.mark.slow
def test_a_second_one_is_refused_and_one_after_it_is_not(booth):
    first = recorded(booth, 0.6)
    booth.roll()
    booth.begin(["raw"])
    with pytest.raises(NotRecorded, match="runs already"):
        booth.recorder.begin(["raw"])
    booth.wait_frames(6)
    second = booth.recorder.end()["name"]
    assert first != second
    assert len(times_s(booth.folder / f"{second}-raw.mp4")) > 5
    with pytest.raises(NotRecorded, match="no recording runs"):
        booth.recorder.end()


def moments(booth, name):
    """When each frame of a raw clip was taken, in seconds of the day's clock."""
    began_s = datetime.fromisoformat(booth.record(name)["source"]["taken_at"]).timestamp()
    return began_s + np.array(times_s(booth.folder / f"{name}-raw.mp4"))


@pytest.mark.slow
def test_a_recording_begins_with_the_seconds_before(with_before):
    name = with_before.begin(before=True)["name"]
    so_far_s = with_before.recorder.state()["seconds"]
    assert so_far_s > 1.5, "at once"
    with_before.wait_recorded(so_far_s + 1.0)
    with_before.recorder.end()
    raw, enhanced = (times_s(with_before.folder / f"{name}-{view}.mp4") for view in ("raw", "enhanced"))
    assert raw == enhanced and raw[0] == 0 and raw[-1] > 2.0
    recorded, kept = moments(with_before, name), moments(with_before, with_before.recorder.keep()["name"])
    both = kept[(kept >= recorded[0]) & (kept <= recorded[-1])]
    assert all(min(abs(recorded - at)) < 0.005 for at in both), "nothing is lost where the two meet"


@pytest.mark.slow
def test_what_was_just_seen_is_kept_beside_a_recording_that_runs(with_before):
    running = with_before.begin()["name"]
    with_before.wait_recorded(1.0)
    kept = with_before.recorder.keep()
    assert kept["seconds"] > 2.0 and kept["name"] != running
    with_before.wait_recorded(2.0)
    with_before.recorder.end()
    for name in (running, kept["name"]):
        raw, enhanced = (times_s(with_before.folder / f"{name}-{view}.mp4") for view in ("raw", "enhanced"))
        assert raw == enhanced and raw[0] == 0
        assert with_before.record(name)["state"] == "ended"


def test_what_was_seen_of_one_patient_is_in_no_recording_of_another(tmp_path):
    booth = Booth(tmp_path / "kept", before_s=60, views=("raw",), session={"id": "a", "label": "A"})
    try:
        booth.roll()
        wait_until(lambda: booth.recorder.record()["before"]["seconds"] >= 1.0)
        booth.session = {"id": "b", "label": "B"}
        changed_s = time.time()
        booth.board.post(SessionChanged("b"))
        wait_until(lambda: booth.recorder.record()["before"]["seconds"] >= 0.5)
        kept = booth.recorder.keep()["name"]
        assert booth.record(kept)["session"]["id"] == "b"
        assert moments(booth, kept)[0] > changed_s - 0.005
    finally:
        booth.close()


class Ward:
    """A patient session, and a recorder that knows it as in the program."""

    def __init__(self, folder):
        self.booth = Booth(folder / "kept")
        self.session = PatientSession(self.booth.board, folder / "session.json", 0)
        self.session.is_recording = lambda: self.booth.recorder.is_recording
        self.booth.recorder._session = self.session.settled


@pytest.fixture
def ward(tmp_path):
    ward = Ward(tmp_path)
    ward.booth.roll()
    yield ward
    ward.booth.close()


def test_while_a_recording_begins_no_other_session_is_opened(ward, monkeypatch):
    first, begin = ward.session.open("A"), Recording.begin

    def at_that_moment(recording, poster):
        with pytest.raises(SessionRefused, match="a recording runs"):
            ward.session.open("B")
        begin(recording, poster)

    monkeypatch.setattr(Recording, "begin", at_that_moment)
    name = ward.booth.begin(["raw"])["name"]
    assert ward.booth.record(name)["session"]["id"] == ward.session.now()["id"] == first.id
    ward.booth.recorder.end()
    assert ward.session.open("B") and not ward.booth.recorder.is_recording


def test_one_that_did_not_begin_holds_up_no_session(ward):
    ward.booth.cut()
    ward.booth.recorder._newest = None
    with pytest.raises(NotRecorded):
        ward.booth.recorder.begin(["raw"])
    assert ward.session.open("B")


def test_a_recording_that_begins_while_a_session_is_being_opened_is_of_that_one(ward, monkeypatch):
    ward.session.open("A")
    is_keeping, goes_on, names = threading.Event(), threading.Event(), []

    def write(*_):
        is_keeping.set()
        goes_on.wait(GUARD_S)

    monkeypatch.setattr("edge.saving.patient_session.write_whole", write)
    opening = threading.Thread(target=ward.session.open, args=("B",))
    beginning = threading.Thread(target=lambda: names.append(ward.booth.begin(["raw"])["name"]))
    opening.start()
    assert is_keeping.wait(GUARD_S)
    beginning.start()
    beginning.join(0.5)
    goes_on.set()
    for thread in (opening, beginning):
        thread.join(GUARD_S)
    assert ward.booth.record(names[0])["session"]["label"] == ward.session.now()["label"] == "B"


def test_what_was_seen_before_a_session_was_opened_is_kept(tmp_path):
    booth = Booth(tmp_path / "kept", before_s=60, views=("raw",))
    try:
        booth.roll()
        wait_until(lambda: booth.recorder.record()["before"]["seconds"] >= 0.5)
        booth.cut()
        booth.board.post(SessionChanged("a"))
        assert booth.recorder.record()["before"]["seconds"] >= 0.5, "as in an emergency"
        booth.board.post(SessionChanged(""))
        assert booth.recorder.record()["before"]["seconds"] == 0
    finally:
        booth.close()


@pytest.mark.slow
def test_the_seconds_before_are_bounded(tmp_path):
    booth = Booth(tmp_path / "kept", before_s=60, before_mib=8, views=("raw",), size_px=(1280, 720))
    try:
        booth.roll()
        wait_until(lambda: booth.recorder.record()["before"]["bytes"] > 4 << 20)
        for _ in range(40):
            assert booth.recorder.record()["before"]["bytes"] <= 8 << 20
            time.sleep(0.05)
    finally:
        booth.close()


def test_nothing_is_kept_where_nobody_asked_for_it(booth):
    booth.roll()
    with pytest.raises(NotRecorded, match="before_s = 0"):
        booth.recorder.keep()
    assert ffmpegs() == [], "and nothing is encoded"


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hangs"])
def test_ffmpeg_that_fails_ends_the_recording_and_nothing_else(booth, monkeypatch, how):
    monkeypatch.setattr(tape, "TAKES_WITHIN_S", 3.0)
    booth.roll()
    name = booth.begin()["name"]
    booth.wait_recorded(1.0)
    os.kill(ffmpegs()[0], how)
    wait_until(lambda: not booth.recorder.is_recording)
    record = booth.record(name)
    assert record["state"] == "ended" and "FFmpeg" in record["ended"]
    wait_until(lambda: booth.news[-1].reason == record["ended"])
    assert "RECORDING ENDED" in booth.health.verdict(time.monotonic_ns()).notices[0]
    for file in record["output"]["files"]:
        assert len(times_s(booth.folder / file["name"])) == file["frames"]
    num_before = len(booth.taken_ns)
    wait_until(lambda: len(booth.taken_ns) > num_before + 5)  # the camera was never held up
    wait_until(lambda: not ffmpegs())
    monkeypatch.undo()
    booth.begin(["raw"])
    booth.wait_recorded(0.6)
    assert booth.recorder.end()["ended"] == "on request"


def test_who_publishes_never_waits(booth, monkeypatch):
    monkeypatch.setattr(tape, "TAKES_WITHIN_S", GUARD_S)
    booth.roll()
    booth.begin(["raw"])
    booth.wait_recorded(0.6)
    os.kill(*ffmpegs(), signal.SIGSTOP)
    wait_until(lambda: booth.recorder.state()["dropped"] > 20)
    assert booth.recorder.is_recording, "what hangs for a moment is waited for"
    os.kill(*ffmpegs(), signal.SIGCONT)
    so_far_s = booth.recorder.state()["seconds"]
    booth.wait_recorded(so_far_s + 1.0)
    told = booth.recorder.end()
    assert told["ended"] == "on request" and booth.record(told["name"])["clip"]["dropped"] > 20
    times_s(booth.folder / f"{told['name']}-raw.mp4")


def test_the_end_of_the_program_completes_a_recording(booth):
    booth.roll()
    name = booth.begin()["name"]
    booth.wait_recorded(0.6)
    booth.close()
    assert booth.record(name)["ended"] == "the program was stopped"
    assert booth.news[-1].reason == "", "nobody need be told"


@pytest.mark.parametrize("at_rest", [PLAIN, AtRest(Key(bytes(range(32))))], ids=["plain", "encrypted"])
def test_a_record_that_the_disk_does_not_take_is_written_later_and_nothing_removes_it_meanwhile(
    tmp_path, monkeypatch, at_rest
):
    monkeypatch.setattr(recorder, "WRITES_AGAIN_S", 0.1)
    is_full, write = threading.Event(), Recording._write

    def full(recording, name, content):
        if is_full.is_set():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(recording, name, content)

    monkeypatch.setattr(Recording, "_write", full)
    booth = Booth(tmp_path / "kept", at_rest=at_rest)
    try:
        booth.roll()
        name = booth.begin(["raw"])["name"]
        booth.wait_recorded(0.6)
        is_full.set()
        booth.recorder.end()
        (item,) = booth.store.listing.items()
        with pytest.raises(NotRemoved, match="not written"):
            booth.store.remove(item, "a person")
        assert [*booth.store._staying()] == [name] and not booth.recorder.is_recording
        is_full.clear()
        wait_until(lambda: not booth.recorder.unwritten())
        with open_folder(booth.folder) as folder:
            record = json.loads(at_rest.read(folder, f"{name}.json", 1 << 20))
            assert (record["state"], record["ended"]) == ("ended", "on request")
            clip = at_rest.read(folder, f"{name}-raw.mp4", 1 << 30)
        assert hashlib.sha256(clip).hexdigest() == record["output"]["files"][0]["sha256"]
        booth.store.remove(item, "a person")
    finally:
        booth.close()


def test_one_that_nobody_stops_ends(booth):
    booth.recorder.use(RecordingConfig(minutes=0.02))
    booth.roll()
    name = booth.begin(["raw"])["name"]
    wait_until(lambda: not booth.recorder.is_recording)
    assert booth.record(name)["ended"].startswith("after [recording] minutes")


@pytest.mark.slow
def test_the_rate_of_the_settings_is_kept(tmp_path):
    booth = Booth(tmp_path / "kept", fps=5.0)
    try:
        name = recorded(booth, 2.5, ["raw"])
    finally:
        booth.close()
    times = times_s(booth.folder / f"{name}-raw.mp4")
    assert len(times) / times[-1] < 6.0
    assert np.median(np.diff(times)) > 0.14


def test_without_ffmpeg_it_says_what_to_install(tmp_path, monkeypatch):
    def none():
        raise NoFfmpeg("clips need the program FFmpeg: none is installed; pip install imageio-ffmpeg")

    monkeypatch.setattr("edge.saving.recording.recorder.find_encoder", none)
    booth = Booth(tmp_path / "kept")
    try:
        booth.roll()
        with pytest.raises(NotRecorded, match="imageio-ffmpeg"):
            booth.recorder.begin()
        assert booth.recorder.can() == {"recording": False, "before_roll": False}
    finally:
        booth.close()


@pytest.mark.slow
def test_motion_jpeg_where_there_is_no_h264(tmp_path, monkeypatch):
    ffmpeg = encoders.find_ffmpeg()
    without = encoders.Encoder(ffmpeg, encoders._FORMATS[-1])
    monkeypatch.setattr("edge.saving.recording.recorder.find_encoder", lambda: without)
    booth = Booth(tmp_path / "kept", size_px=(640, 360))
    try:
        name = recorded(booth)
    finally:
        booth.close()
    raw, enhanced = (booth.folder / f"{name}-{view}.mp4" for view in ("raw", "enhanced"))
    assert times_s(raw) == times_s(enhanced)
    assert probed(raw)["streams"][0]["codec_name"] == "mjpeg"
    assert mode_of_file(enhanced) == "enhanced"
    assert booth.record(name)["clip"]["codec"].startswith("Motion-JPEG")


def test_hardware_that_is_not_there_is_not_taken(monkeypatch):
    ffmpeg = encoders.find_ffmpeg()
    listed = encoders.Ffmpeg(ffmpeg.path, ffmpeg.version, frozenset({"h264_nvenc", "h264_v4l2m2m"}))
    monkeypatch.setattr(encoders, "find_ffmpeg", lambda: listed)
    encoders.find_encoder.cache_clear()
    try:
        if os.path.exists("/dev/nvidia0") or os.path.exists("/dev/video0"):  # noqa: PTH110
            pytest.skip("this machine may have it")
        assert encoders.find_encoder().format.told.startswith("Motion-JPEG")
    finally:
        encoders.find_encoder.cache_clear()
