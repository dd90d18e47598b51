"""Saving on the unit: the pair and its sidecar, whole or not at all."""

from __future__ import annotations

import json
import os
import threading
import time
from datetime import datetime, timezone

import cv2
import numpy as np
import pytest

from edge.config import SaveConfig
from edge.frames.frame import Frame, FramePair
from edge.health.news import Board, NotSaved, Saved
from edge.health.record import Health
from edge.health.state import EngineFacts
from edge.pictures.marks import mode_of_file
from edge.saving import names as names_module
from edge.saving import saver as saver_module
from edge.saving.names import Names
from edge.saving.saver import MAX_WAITING, PairSaver
from tests.doubles.waiting import GUARD_S

MODEL = {"name": "student", "version": "1.2", "profile": "live", "sha256": "ab" * 32, "device": "cpu"}


def pair_of(seq=7, *, enhanced=True, age_s=0.0):
    raw = Frame(np.full((54, 96, 3), (10, 120, 30), np.uint8), seq, time.monotonic_ns() - int(age_s * 1e9))
    if not enhanced:
        return FramePair(raw, raw)
    return FramePair(raw, raw.enhanced(np.full((54, 96, 3), (200, 60, 50), np.uint8), "live", {"dehaze": 12.345}))


class Office:
    def __init__(self, folder):
        self.folder = folder
        self.saved, self.failed = [], []
        self.done = threading.Semaphore(0)
        board = self.board = Board()
        board.read(Saved, self._on_saved)
        board.read(NotSaved, self._on_not_saved)
        self.health = Health(board)
        self.health.set_source("camera:/dev/video0")
        self.health.set_engine(EngineFacts("live", MODEL["sha256"], "cpu", "student", "1.2"))
        self.saver = PairSaver(folder, self.health, board)

    def _on_saved(self, news):
        self.saved.append(news.name)
        self.done.release()

    def _on_not_saved(self, news):
        self.failed.append(news.reason)
        self.done.release()

    def save(self, pair, session=None):
        self.saver.save(pair, session)
        assert self.done.acquire(timeout=GUARD_S)

    def files(self):
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.exists() else []


@pytest.fixture
def office(tmp_path):
    office = Office(tmp_path / "saved" / "here")
    office.saver.start()
    yield office
    office.saver.close()


def test_the_pair_and_its_sidecar_are_written(office):
    office.save(pair_of())
    (name,) = office.saved
    raw_name = name.replace("-enhanced", "-raw")
    assert office.files() == sorted([name, raw_name, f"{name}.json"])
    for file, colour in ((raw_name, (10, 120, 30)), (name, (200, 60, 50))):
        image = cv2.imread(str(office.folder / file), cv2.IMREAD_COLOR_RGB)
        assert (image == colour).all(), "pixels are untouched: no banner in a saved picture"
    assert mode_of_file(office.folder / raw_name) == "raw"
    assert mode_of_file(office.folder / name) == "enhanced"
    record = json.loads((office.folder / f"{name}.json").read_text())
    assert record["mode"] == "enhanced"
    assert record["model"] == MODEL
    assert record["source"]["uri"] == "camera:/dev/video0"
    assert record["source"]["seq"] == 7
    assert [file["name"] for file in record["output"]["files"]] == [raw_name, name]
    assert record["stage_ms"] == {"dehaze": 12.35} or record["stage_ms"] == {"dehaze": 12.34}


def test_the_sidecar_tells_the_state_of_the_unit(office):
    office.save(pair_of())
    assert "unit_state" not in json.loads((office.folder / f"{office.saved[0]}.json").read_text())
    state = {"temperatures_celsius": {"tj-thermal": 51.5}, "nvpmodel": "15W (0)"}
    office.health.track("unit_state", lambda: state)
    office.save(pair_of())
    assert json.loads((office.folder / f"{office.saved[1]}.json").read_text())["unit_state"] == state
    assert not office.failed


def test_the_sidecar_tells_what_was_cut_away_of_the_cameras_picture(office):
    office.save(pair_of())
    picture = {"width_px": 1280, "height_px": 960, "fit": "crop", "told": "25% of its height is cut away"}
    office.health.track("camera", lambda: {"picture": picture, "granted": "1280x960 MJPG at 30 fps"})
    office.save(pair_of())
    sources = [json.loads((office.folder / f"{name}.json").read_text())["source"] for name in office.saved]
    assert "picture" not in sources[0] and "granted" not in sources[0]
    assert sources[1]["picture"] == picture
    assert sources[1]["granted"] == "1280x960 MJPG at 30 fps", "whether it came with loss"


def test_less_than_all_of_the_enhancement_is_said_in_the_sidecar(office):
    pair = pair_of()
    office.save(pair)
    office.save(FramePair(pair.raw, pair.raw.enhanced(pair.enhanced.image, "live", {}, 0.55)))
    records = [json.loads((office.folder / f"{name}.json").read_text()) for name in office.saved]
    assert "strength" not in records[0]
    assert records[1]["strength"] == 0.55
    assert [b"strength=0.55" in (office.folder / name).read_bytes() for name in office.saved] == [False, True]


def test_a_pair_that_was_held_is_saved_as_what_made_it_and_not_what_runs_by_now(office):
    pair = pair_of()
    made = pair.raw.enhanced(pair.enhanced.image, "live", {}, 1.0, MODEL)
    office.health.set_engine(EngineFacts("quality", "cd" * 32, "gpu", "teacher", "2.0"))
    office.save(FramePair(pair.raw, made))
    assert json.loads((office.folder / f"{office.saved[0]}.json").read_text())["model"] == MODEL
    assert f"model={MODEL['sha256']}".encode() in (office.folder / office.saved[0]).read_bytes()


def test_the_time_is_when_the_camera_took_it(office):
    began_s = time.monotonic()
    office.save(pair_of(age_s=3600))
    lasted_s = time.monotonic() - began_s
    record = json.loads((office.folder / f"{office.saved[0]}.json").read_text())
    made_at, taken_at = (record["made_at"], record["source"]["taken_at"])
    gap = datetime.fromisoformat(made_at) - datetime.fromisoformat(taken_at)
    assert 3599 < gap.total_seconds() < 3600 + lasted_s + 1


def test_a_picture_that_could_not_be_enhanced_is_saved_raw_and_says_so(office):
    office.save(pair_of(enhanced=False))
    (name,) = office.saved
    assert name.endswith("-raw.png")
    assert office.files() == sorted([name, f"{name}.json"])
    assert json.loads((office.folder / f"{name}.json").read_text())["mode"] == "raw"


def test_a_full_disk_leaves_nothing_and_is_told_in_one_line(office, monkeypatch):
    written = []

    def full(contents, mode):
        written.append(contents)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(saver_module, "write_together", full)
    office.save(pair_of())
    assert office.failed == [f"{office.folder}: No space left on device; make room, or choose another [save] folder"]
    assert written
    assert office.files() == []
    monkeypatch.undo()
    office.save(pair_of())
    assert len(office.saved) == 1, "the next one is saved as if nothing had been"


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    office = Office(tmp_path / "file" / "pictures")
    office.saver.start()
    office.save(pair_of())
    office.saver.close()
    assert "file/pictures: is a file, expected a folder" in office.failed[0]


def test_nothing_is_ever_written_over(office, monkeypatch):
    pair = pair_of()
    monkeypatch.setattr(names_module.time, "monotonic_ns", lambda: pair.raw.t_capture_ns)

    class Stopped(names_module.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2026, 5, 4, 3, 2, 1, 678_000, tzinfo=tz)

    monkeypatch.setattr(names_module, "datetime", Stopped)
    office.save(pair)
    office.save(FramePair(pair.raw, pair.enhanced))
    assert office.saved == [
        "throat-20260504T030201.678Z-000007-enhanced.png",
        "throat-20260504T030201.678Z-000007-2-enhanced.png",
    ]
    assert len(office.files()) == 6


def test_a_held_pair_that_is_saved_twice_makes_one_set(office):
    pair = pair_of()
    office.save(pair)
    files = office.files()
    office.save(pair)
    assert office.saved == [office.saved[0]] * 2, "told each time"
    assert office.files() == files
    (office.folder / f"{office.saved[0]}.json").unlink()
    office.save(pair)
    assert office.saved[2] != office.saved[0], "a set that somebody has broken is made again"


def test_a_pair_has_one_name_whatever_becomes_of_the_clock(monkeypatch):
    began_s = time.monotonic()
    names, pair = Names(), pair_of(age_s=30.0)
    first = names.of(pair)
    age = datetime.now(timezone.utc) - first.taken_at
    lasted_s = time.monotonic() - began_s
    assert 29 < age.total_seconds() < 30 + lasted_s + 1, "the time of capture, not of saving"
    monkeypatch.setattr(names_module.time, "monotonic_ns", lambda: 3600 * 10**12)
    assert names.of(pair) == first
    assert (first.of(pair.raw), first.of(pair.enhanced)) == (f"{first.stem}-raw.png", f"{first.stem}-enhanced.png")
    for seq in range(200):
        names.of(pair_of(seq))
    assert len(names._names) <= 64


def test_a_slow_disk_refuses_rather_than_fills_the_memory(office, monkeypatch):
    go_on = threading.Event()
    monkeypatch.setattr(saver_module, "write_together", lambda contents, mode: go_on.wait(GUARD_S))
    for _ in range(MAX_WAITING + 3):
        office.saver.save(pair_of())
    assert office.failed
    assert "still wait for the disk" in office.failed[0]
    go_on.set()


def test_what_waits_is_written_before_the_program_ends(tmp_path):
    office = Office(tmp_path)
    office.saver.start()
    for seq in range(3):
        office.saver.save(pair_of(seq))
    office.saver.close()
    office.saver.close()
    assert len(office.saved) == 3


def test_the_folder_follows_the_service_manager(monkeypatch):
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    assert str(SaveConfig().path) == "pictures"
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/edge-enhance")
    assert str(SaveConfig().path) == "/var/lib/edge-enhance/pictures"
    assert str(SaveConfig("/media/stick").path) == "/media/stick"


@pytest.mark.parametrize(("umask", "modes"), [(0, (0o640, 0o750)), (0o022, (0o640, 0o750)), (0o077, (0o600, 0o700))])
def test_pictures_are_for_their_owner_and_the_owners_group(tmp_path, umask, modes):
    before = os.umask(umask)
    try:
        office = Office(tmp_path / "state" / "pictures")
        office.saver.start()
        office.save(pair_of())
        office.saver.close()
    finally:
        os.umask(before)
    folder = tmp_path / "state" / "pictures"
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {modes[0]} and len(list(folder.iterdir())) == 3
    assert {path.stat().st_mode & 0o777 for path in (folder, folder.parent)} == {modes[1]}


def test_the_patient_session_of_the_picture_is_in_the_sidecar(office):
    office.save(pair_of(1), {"id": "s1", "label": "Müller"})
    office.save(pair_of(2))
    first, second = (json.loads((office.folder / f"{name}.json").read_text()) for name in office.saved)
    assert first["session"] == {"id": "s1", "label": "Müller"} and "session" not in second
    assert not any("ller" in name for name in office.files())


def test_a_pair_is_saved_already_only_in_its_own_session(office):
    pair, ids = pair_of(), ("s1", "s2")
    for session_id in ids:
        office.save(pair, {"id": session_id, "label": "x"})
    assert len(set(office.saved)) == 2
    records = (json.loads((office.folder / f"{name}.json").read_text()) for name in office.saved)
    assert [record["session"]["id"] for record in records] == [*ids]
