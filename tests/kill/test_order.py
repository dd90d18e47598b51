"""A power cut forgets what was not fsynced, and may bring the rest to the disk in any order: so a file's content is
synced before it gets its name, and the folder after it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.basics.whole_files import is_part
from tests.kill.operations import NUM_CLIP_FRAMES, OPERATIONS


class Journal:
    """What this process told the system about files under a folder, in order: (`sync`, path), (`name`, from, to)."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.calls, self.is_on = str(folder), [], True
        sys.addaudithook(self._heard)

    def _heard(self, event: str, args: tuple) -> None:
        if not self.is_on or event != "os.rename":
            return
        old, new = (_path_of(name, descriptor) for name, descriptor in zip(args[:2], args[2:], strict=True))
        if old.startswith(self.folder):
            self.calls.append(("name", old, new))

    def synced(self, descriptor: int) -> None:
        path = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        if path.startswith(self.folder):
            self.calls.append(("sync", path, str(os.fstat(descriptor).st_size)))


def _path_of(name: object, descriptor: int) -> str:
    """The whole path of a name in an open folder; -1 is the working folder."""
    return str(name) if descriptor < 0 else f"{Path(f'/proc/self/fd/{descriptor}').readlink()}/{name}"


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Journal]:
    journal, fsync = Journal(tmp_path), os.fsync

    def noted(descriptor: int) -> None:
        fsync(descriptor)
        journal.synced(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    yield journal
    journal.is_on = False


@pytest.mark.parametrize("name", OPERATIONS)
def test_content_before_name_before_folder(name: str, journal: Journal, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    if name == "recording":
        clip = cv2.VideoWriter(str(folder.with_suffix(".avi")), cv2.VideoWriter_fourcc(*"MJPG"), 24.0, (96, 54))
        for _ in range(NUM_CLIP_FRAMES):
            clip.write(np.full((54, 96, 3), 90, np.uint8))
        clip.release()
    step = OPERATIONS[name](folder)
    for number in range(2):  # the second one over the first
        step(number)
    names = [
        (at, Path(call[1]), Path(call[2]))
        for at, call in enumerate(journal.calls)
        if call[0] == "name" and not is_part(Path(call[2]).name)  # a temporary name is no name yet
    ]
    assert names, "nothing got its name by a rename"
    for at, old, new in names:
        before = {call[1] for call in journal.calls[:at] if call[0] == "sync"}
        after = {call[1] for call in journal.calls[at:] if call[0] == "sync"}
        assert str(new.parent) in after, f"the folder of {new} is not synced after it got its name"
        if new.is_symlink():
            continue  # has no content
        if new.is_dir():
            unsynced = [path for path in new.iterdir() if not path.is_symlink() and str(old / path.name) not in before]
            assert not unsynced and str(old) in before, f"{new} got its name before {unsynced or old} was synced"
        else:
            assert str(old) in before, f"{new} got its name before its content was synced"
