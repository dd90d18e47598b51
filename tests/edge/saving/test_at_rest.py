"""What is kept, encrypted: pairs, records and recordings as they are saved, after a power cut, and with other keys."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.basics.errors import ConfigError
from edge.basics.folders import open_folder
from edge.basics.whole_files import part_of, write_together
from edge.health.news import Board
from edge.saving.at_rest import PLAIN, AtRest, refuse_other_keys
from edge.saving.leftovers import clean_up
from edge.saving.listing import Listing
from edge.saving.patient_session import PatientSession
from edge.saving.previews import Previews
from edge.saving.saver import PairSaver
from edge.saving.sealing.keys import Key
from edge.saving.sealing.sealed import MAGIC, Unreadable
from tests.doubles.booth import HAS_FFPROBE, Booth, wait_until
from tests.edge.saving.test_leftovers import ENHANCED, RAW, SIDECAR, Cut, cut_after, names, pair
from tests.edge.saving.test_saver import Office, pair_of

KEY, OTHER = Key(bytes(range(32))), Key(bytes(32))
SEALING = AtRest(KEY)
SESSION = {"id": "0a1b2c3d4e5f", "label": "Xaverine Quillfeather"}


def read(folder: Path, name: str, at_rest: AtRest = SEALING) -> bytes:
    with open_folder(folder) as opened:
        return at_rest.read(opened, name, 1 << 30)


def bytes_below(folder: Path) -> Iterator[bytes]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.name.encode()
            yield path.read_bytes()


def test_a_pair_is_encrypted_and_shown_as_any_other(tmp_path: Path) -> None:
    office = Office(tmp_path / "kept")
    plain = PairSaver(office.folder, office.health, office.board)
    sealing = PairSaver(office.folder, office.health, office.board, at_rest=SEALING)
    for seq, saver in ((6, plain), (7, sealing)):
        saver.start()
        saver.save(pair_of(seq), SESSION)
        saver.close()
    listing = Listing(office.folder, SEALING)
    page = listing.page()
    assert page is not None
    newest, older = page.items
    same = ("kind", "views", "profile", "session", "synthesised")
    assert [newest[key] for key in same] == [older[key] for key in same]
    assert newest["session"] == SESSION
    for name in newest["files"].values():
        assert (office.folder / name).read_bytes().startswith(MAGIC)
        if name.endswith(".json"):
            record = json.loads(read(office.folder, name))
    for file in record["output"]["files"]:
        content = read(office.folder, file["name"])
        assert (file["bytes"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    small = [Previews(listing).of(item) for item in listing.items()]
    assert small[0] and small[0] == small[1]


@pytest.mark.parametrize("num_calls", range(9))
def test_an_encrypted_pair_is_complete_or_absent_after_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_calls: int
) -> None:
    contents = {path: SEALING.content(path.name, content) for path, content in pair(tmp_path).items()}
    cut_after(monkeypatch, num_calls)
    try:
        write_together(contents)
    except Cut:
        assert num_calls < 8
    monkeypatch.undo()
    clean_up([tmp_path], SEALING)
    assert names(tmp_path) in ([], sorted([RAW, ENHANCED, SIDECAR]))
    assert bool(names(tmp_path)) == (num_calls >= 2)
    if names(tmp_path):
        assert read(tmp_path, RAW) == b"raw picture"


@pytest.mark.parametrize("at_rest", [PLAIN, AtRest(OTHER)], ids=["no key", "another key"])
def test_without_its_key_nothing_is_removed(tmp_path: Path, at_rest: AtRest) -> None:
    for path, content in pair(tmp_path).items():
        part_of(path).write_bytes(SEALING.content(path.name, content))
    before = names(tmp_path)
    found = clean_up([tmp_path], at_rest)
    assert names(tmp_path) == before
    assert len(found.failed) == 3
    assert f"the key {KEY.id.hex()}" in found.failed[0]
    with pytest.raises(ConfigError, match="old_keys"):
        refuse_other_keys(tmp_path, at_rest)
    clean_up([tmp_path], AtRest(OTHER, [KEY]))
    assert names(tmp_path) == sorted([RAW, ENHANCED, SIDECAR])


def test_an_old_key_still_reads_and_the_new_one_writes(tmp_path: Path) -> None:
    both = AtRest(OTHER, [KEY])
    (tmp_path / "old").write_bytes(SEALING.content("old", b"before"))
    (tmp_path / "new").write_bytes(both.content("new", b"after"))
    assert (read(tmp_path, "old", both), read(tmp_path, "new", both)) == (b"before", b"after")
    assert read(tmp_path, "new", AtRest(OTHER)) == b"after"
    refuse_other_keys(tmp_path, both)
    with pytest.raises(Unreadable):
        read(tmp_path, "old", AtRest(OTHER))


def test_the_patient_session_is_not_readable_on_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "session" / "session.json"
    session = PatientSession(Board(), path, 12, at_rest=SEALING)
    session.open(SESSION["label"])
    assert not any(SESSION["label"].encode() in content for content in bytes_below(tmp_path))
    again = PatientSession(Board(), path, 12, at_rest=SEALING)
    assert (again.now() or {})["label"] == SESSION["label"]
    again.close()
    assert not path.exists()


def test_a_growing_file_that_failed_ends_where_it_was_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No chunk's number, which is its nonce, is used again after the disk refused it."""
    with open_folder(tmp_path) as folder:
        with folder.create("clip.mp4", 0o640) as file:
            growing = SEALING.growing(file, "clip.mp4")
            growing.append(b"one")
            growing.append(b"two")
            with monkeypatch.context() as patch:
                patch.setattr(os, "write", _refusing)
                with pytest.raises(OSError, match="No space"):
                    growing.append(b"lost")
            with pytest.raises(OSError, match="error"):
                growing.append(b"three")
            growing.end()
        assert SEALING.read(folder, "clip.mp4", 100) == b"onetwo"


def _refusing(descriptor: int, content: bytes) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


# ---- recordings


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A folder as it is while a recording runs, the same when it has ended, and its name."""
    if not HAS_FFPROBE:
        pytest.skip("needs ffprobe: apt-get install ffmpeg")
    folder = tmp_path_factory.mktemp("sealed")
    booth = Booth(folder / "ended", session=SESSION, at_rest=SEALING)
    booth.roll()
    try:
        booth.begin()
        booth.wait_recorded(1.6)
        wait_until(lambda: all(path.stat().st_size for path in booth.folder.glob("*.mp4")))
        shutil.copytree(booth.folder, folder / "running")
        name = booth.recorder.end()["name"]
    finally:
        booth.close()
    return folder, name


def test_a_recording_is_encrypted_from_its_first_byte_on(recorded: Any) -> None:
    folder, name = recorded
    for content in bytes_below(folder):
        assert not any(word in content for word in (b"ftyp", b"moof", b"JFIF", SESSION["label"].encode()))
    record = json.loads(read(folder / "ended", f"{name}.json"))
    assert record["state"] == "ended"
    for file in record["output"]["files"]:
        content = read(folder / "ended", file["name"])
        assert (file["bytes"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert read(folder / "ended", f"{name}.jpg").startswith(b"\xff\xd8")


def test_one_that_a_power_cut_ended_is_read_up_to_its_last_fragment(recorded: Any, tmp_path: Path) -> None:
    folder, name = recorded
    ended = read(folder / "ended", f"{name}-raw.mp4")
    cuts = random.Random(4)
    for number in range(6):
        kept = shutil.copytree(folder / "running", tmp_path / str(number))
        path = kept / f"{name}-raw.mp4"
        whole = path.read_bytes()
        at = len(whole) - cuts.randrange(1, len(whole) // 3) if number else len(whole)
        path.write_bytes(whole[:at] + bytes(3000 * (number % 2)))
        with pytest.raises(Unreadable, match="cut short"):
            read(kept, path.name)
        found = clean_up([kept], SEALING)
        assert [one.name for one in found.recordings] == [f"{name}.json"], found
        record = json.loads(read(kept, f"{name}.json"))
        (file,) = [one for one in record["output"]["files"] if one["mode"] == "raw"]
        content = read(kept, path.name)
        assert 0 < file["bytes"] == len(content) <= len(ended)
        assert ended.startswith(content)
        assert not clean_up([kept], SEALING).lines(), "once"


def test_one_that_ended_and_was_cut_afterwards_is_refused_and_left(recorded: Any, tmp_path: Path) -> None:
    """Only what was running when the power went may be short: its record, which is encrypted too, says so."""
    folder, name = recorded
    kept = shutil.copytree(folder / "ended", tmp_path / "kept")
    path = kept / f"{name}-raw.mp4"
    path.write_bytes(path.read_bytes()[:-36])
    assert not clean_up([kept], SEALING).lines()
    with pytest.raises(Unreadable, match="cut short"):
        read(kept, path.name)


def test_a_running_one_whose_key_is_not_here_is_left(recorded: Any, tmp_path: Path) -> None:
    folder, name = recorded
    kept = shutil.copytree(folder / "running", tmp_path / "kept")
    before = {path.name: path.read_bytes() for path in kept.iterdir()}
    assert "which is not here" in clean_up([kept], AtRest(OTHER)).lines()[0]
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == before
    assert name
