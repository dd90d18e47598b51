"""What a power cut leaves among saved pictures, and what is made of it at the next start."""

import hashlib
import json
import os
import random
import subprocess
import sys
import threading

import pytest

from edge.basics.whole_files import part_of, write_together
from edge.saving.leftovers import clean_up
from edge.saving.sidecar import saved_content
from tests.edge.basics.test_folders import not_plain

STEM = "throat-20260504T030201.678Z-000007"


RAW, ENHANCED, SIDECAR = f"{STEM}-raw.png", f"{STEM}-enhanced.png", f"{STEM}-enhanced.png.json"


def pair(folder):
    contents = {folder / RAW: b"raw picture", folder / ENHANCED: b"enhanced picture"}
    files = [saved_content(path, "raw", content) for path, content in contents.items()]
    record = {"output": {"files": [{"name": file.name, "sha256": file.sha256} for file in files]}}
    return {**contents, folder / SIDECAR: json.dumps(record).encode()}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


class Cut(BaseException):
    """The power goes: nothing after it is done, cleaning up neither."""


def cut_after(monkeypatch, num_calls):
    """Let no call but the first `num_calls` of those that change the disk happen."""
    left = [num_calls]
    for name in ("fsync", "replace", "unlink"):
        real = getattr(os, name)

        def one(*args, _real=real, **options):
            if left[0] <= 0:
                raise Cut
            left[0] -= 1
            return _real(*args, **options)

        monkeypatch.setattr(os, name, one)


@pytest.mark.parametrize("num_calls", range(8))
def test_a_pair_is_complete_or_absent_after_a_power_cut_at_any_step(tmp_path, monkeypatch, num_calls):
    contents = pair(tmp_path)
    cut_after(monkeypatch, num_calls)
    with pytest.raises(Cut):
        write_together(contents)
    monkeypatch.undo()
    found = clean_up([tmp_path])
    # Three fsyncs of files, two renames, fsync of the folder, the last rename, fsync: all is there from the third on.
    assert names(tmp_path) in ([], sorted([RAW, ENHANCED, SIDECAR]))
    assert bool(names(tmp_path)) == (num_calls >= 2)
    assert not found.half
    assert not clean_up([tmp_path]).lines(), "nothing is left to be told"


def test_nothing_is_cut_where_nothing_fails(tmp_path, monkeypatch):
    cut_after(monkeypatch, 8)
    write_together(pair(tmp_path))
    assert names(tmp_path) == sorted([RAW, ENHANCED, SIDECAR])


def test_only_our_temporary_files_are_removed(tmp_path, caplog):
    (tmp_path / "models" / "live").mkdir(parents=True)
    ours = [part_of(tmp_path / "unit.calib"), part_of(tmp_path / "throat-1-raw.png")]
    inner = [part_of(tmp_path / "models" / "model.json"), tmp_path / "models" / "live" / ".deep.edge.part"]
    others = [tmp_path / ".film.part", tmp_path / "x.edge.part", *inner]
    for path in [*ours, *others]:
        path.write_bytes(b"half")
    found = clean_up([tmp_path, tmp_path / "absent", tmp_path])
    assert sorted(found.removed) == sorted(ours)
    assert not any(path.exists() for path in ours)
    assert all(path.exists() for path in others)
    (line,) = found.lines()
    assert line.startswith("cleaned 2 unfinished files in ")
    assert ".unit.calib.edge.part" in line
    assert line in caplog.text


def test_a_file_that_another_program_writes_now_stays(tmp_path):
    code = (
        "import sys; from pathlib import Path; from edge.basics.whole_files import whole_file\n"
        f"with whole_file(Path({str(tmp_path / 'plan')!r})) as file:\n"
        "    file.write(b'x'); file.flush(); print('open', flush=True); sys.stdin.readline()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout.readline() == "open\n"
        found = clean_up([tmp_path])
        assert [path.name for path in found.in_use] == [".plan.edge.part"]
        assert not found.lines()
        writer.communicate("\n")
    assert names(tmp_path) == ["plan"]


def test_pictures_without_a_sidecar_are_kept_and_told(tmp_path):
    (tmp_path / RAW).write_bytes(b"raw picture")
    (tmp_path / "throat-2-raw.png").write_bytes(b"")
    (tmp_path / "throat-2-raw.png.json").write_bytes(b"{}")
    (tmp_path / "holiday.png").write_bytes(b"")
    found = clean_up([tmp_path])
    assert [path.name for path in found.half] == [RAW]
    assert found.lines() == [f"kept 1 picture without a sidecar in {tmp_path}: {RAW}"]
    assert len(names(tmp_path)) == 4


def test_a_damaged_half_is_not_completed(tmp_path):
    contents = pair(tmp_path)
    for path, content in contents.items():
        part_of(path).write_bytes(content)
    part_of(tmp_path / ENHANCED).write_bytes(b"enhanced pic")
    part_of(tmp_path / RAW).rename(tmp_path / RAW)
    found = clean_up([tmp_path])
    assert names(tmp_path) == [RAW]
    assert not found.completed
    assert [path.name for path in found.half] == [RAW]


def test_a_name_that_leads_elsewhere_is_not_followed(tmp_path):
    inner = tmp_path / "pictures"
    inner.mkdir()
    (tmp_path / "other").write_bytes(b"")
    nothing = hashlib.sha256(b"").hexdigest()
    record = {"output": {"files": [{"name": "../other", "sha256": nothing}]}}
    part_of(inner / SIDECAR).write_text(json.dumps(record))
    found = clean_up([inner])
    assert not found.completed
    assert (tmp_path / "other").exists()
    assert names(inner) == []


WRITER = """
import hashlib, json, os, sys
from pathlib import Path
from edge.basics.whole_files import write_together
folder, number = Path(sys.argv[1]), 0
print("begun", flush=True)
while True:
    number += 1
    stem = f"throat-{os.getpid()}-{number}"
    contents = {folder / f"{stem}-{view}.png": os.urandom(200_000) for view in ("raw", "enhanced")}
    files = [{"name": path.name, "sha256": hashlib.sha256(content).hexdigest()} for path, content in contents.items()]
    contents[folder / f"{stem}-enhanced.png.json"] = json.dumps({"output": {"files": files}}).encode()
    write_together(contents)
"""


MANY = 20


@pytest.mark.parametrize("num_kills", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_killed_at_random_moments_every_pair_is_complete_or_absent(tmp_path, num_kills):
    moments, num_cleaned, num_pairs = random.Random(7), 0, 0
    for number in range(MANY * num_kills):
        if number >= num_kills and num_pairs and num_cleaned:
            break
        longest_s = 0.05 * (1 + number // num_kills)  # on a busy machine no pair is whole so soon
        with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE) as writer:
            writer.stdout.readline()
            threading.Event().wait(moments.uniform(0, longest_s))
            writer.kill()
        found = clean_up([tmp_path])
        num_cleaned += len(found.removed) + len(found.completed)
        left = set(names(tmp_path))
        for sidecar in [name for name in left if name.endswith(".json")]:
            num_pairs += 1
            for file in json.loads((tmp_path / sidecar).read_text())["output"]["files"]:
                content = (tmp_path / file["name"]).read_bytes()
                assert hashlib.sha256(content).hexdigest() == file["sha256"]
                left.remove(file["name"])
            left.remove(sidecar)
        assert not left
        assert not found.half
        for path in tmp_path.iterdir():
            path.unlink()
    assert num_pairs
    assert num_cleaned, "no kill hit a moment between first byte and last rename"


@not_plain
@pytest.mark.parametrize("name", [RAW, SIDECAR, f".{SIDECAR}.edge.part", f".{RAW}.edge.part"])
def test_what_is_no_file_under_a_files_name_is_left_and_told_and_not_waited_for(tmp_path, name, make):
    folder = tmp_path / "pictures"
    folder.mkdir()
    make(folder / name)
    found = clean_up([folder])
    assert os.path.lexists(folder / name) and not found.removed
    (line,) = found.lines()
    assert "expected a plain file" in line and name in line


@not_plain
@pytest.mark.parametrize("name", [RAW, ENHANCED])
def test_a_sidecar_that_names_what_is_no_file_completes_nothing(tmp_path, name, make):
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "victim").write_bytes(b"raw picture")
    for path, content in pair(folder).items():
        if path.name != name:
            part_of(path).write_bytes(content)
    make(part_of(folder / name))
    found = clean_up([folder])
    assert not found.completed and (folder / "victim").read_bytes() == b"raw picture"
    assert os.path.lexists(part_of(folder / name))


def test_a_picture_that_is_all_holes_is_not_read_for_ever(tmp_path):
    for path, content in pair(tmp_path).items():
        part_of(path).write_bytes(content)
    os.truncate(part_of(tmp_path / RAW), 1 << 42)
    assert not clean_up([tmp_path]).completed


def test_a_folder_that_is_a_link_in_a_folder_is_not_entered(tmp_path):
    inner, outer = tmp_path / "pictures", tmp_path / "outer"
    inner.mkdir()
    outer.mkdir()
    part_of(outer / "x").write_bytes(b"")
    (inner / "more").symlink_to(outer)
    assert not clean_up([inner]).removed and part_of(outer / "x").exists()


def test_a_name_of_several_lines_makes_one(tmp_path, caplog):
    (tmp_path / "throat-1\nforged\x1b[2J-raw.png").mkdir()
    (line,) = clean_up([tmp_path]).lines()
    assert "\n" not in line and "\x1b" not in line and "\\nforged" in line


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_enters_no_folder_by_anothers_link(tmp_path):
    theirs, goal = tmp_path / "theirs", tmp_path / "goal"
    theirs.mkdir()
    goal.mkdir()
    part_of(goal / "x").write_bytes(b"")
    (theirs / "pictures").symlink_to(goal)
    os.chown(theirs, 54321, 54321)
    found = clean_up([theirs / "pictures"])
    assert part_of(goal / "x").exists() and "a link that another user can set" in found.lines()[0]
