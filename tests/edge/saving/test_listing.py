"""What a gallery is shown of a folder, whatever lies in it."""

from __future__ import annotations

import json
import os
import time

import pytest

from edge.saving import listing as listing_module
from edge.saving.listing import Listing


def stem(number, second=0):
    return f"throat-20260504T0302{second:02d}.678Z-{number:06d}"


def put_pair(folder, number, *, second=0, session=None, views=("raw", "enhanced")):
    folder.mkdir(exist_ok=True)
    name = stem(number, second)
    for view in views:
        (folder / f"{name}-{view}.png").write_bytes(b"x" * 10)
    record = {"model": {"profile": "live"}, **({"session": session} if session else {})}
    (folder / f"{name}-{views[-1]}.png.json").write_text(json.dumps(record))
    return name


def put_recording(folder, second, *, views=("raw", "enhanced"), num_bytes=100, duration_s=2.5):
    folder.mkdir(exist_ok=True)
    name = f"throat-20260504T0302{second:02d}.678Z-recording"
    for view in views:
        (folder / f"{name}-{view}.mp4").write_bytes(b"x" * num_bytes)
    record = {"model": {"profile": "live"}, "clip": {"duration_s": duration_s}, "ended": "on request"}
    (folder / f"{name}.json").write_text(json.dumps(record))
    (folder / f"{name}.jpg").write_bytes(b"small")
    return name


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "kept"


def names(page):
    return [item["name"] for item in page.items]


def test_a_pair_and_a_recording_are_told_with_all_that_is_theirs(folder):
    pair = put_pair(folder, 7, session={"id": "s1", "label": "Müller"})
    recording = put_recording(folder, 5)
    items = Listing(folder).page().items
    assert items[0] == {
        "name": recording,
        "kind": "recording",
        "taken_at": "2026-05-04T03:02:05.678+00:00",
        "views": ["raw", "enhanced"],
        "bytes": sum(path.stat().st_size for path in folder.glob(f"{recording}*")),
        "files": {
            "raw": f"{recording}-raw.mp4",
            "enhanced": f"{recording}-enhanced.mp4",
            "small": f"{recording}.jpg",
            "record": f"{recording}.json",
        },
        "duration_s": 2.5,
        "profile": "live",
        "synthesised": False,
        "session": None,
        "ended": "on request",
    }
    assert (items[1]["name"], items[1]["session"]) == (pair, {"id": "s1", "label": "Müller"})
    assert items[1]["files"]["record"] == f"{pair}-enhanced.png.json"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"model": {"profile": "miinet", "detail": "synthesised"}}, True),
        ({"model": {"profile": "live"}, "changes": [{"at_s": 0}, {"at_s": 2, "detail": "synthesised"}]}, True),
        ({"model": {"profile": "miinet"}, "changes": [{"at_s": 0, "profile": "live"}]}, False),
    ],
)
def test_whether_detail_was_synthesised_is_the_record_s_word_whatever_is_installed_now(folder, more, expected):
    name = put_recording(folder, 5)
    (folder / f"{name}.json").write_text(json.dumps(more))
    assert Listing(folder).page().items[0]["synthesised"] is expected


def test_pages_follow_each_other(folder):
    there = [put_pair(folder, number, second=number) for number in range(7)][::-1]
    listing = Listing(folder)
    first = listing.page(num=3)
    second = listing.page(num=3, before=first.items[-1]["name"])
    third = listing.page(num=3, before=second.items[-1]["name"])
    assert names(first) + names(second) + names(third) == there
    assert (first.is_more, second.is_more, third.is_more) == (True, True, False)
    assert listing.page(before="throat-gone") is None
    assert listing.page(num=7).is_more is False


def test_a_session_is_shown_alone(folder):
    mine = [put_pair(folder, number, second=number, session={"id": "s1", "label": "A"}) for number in (1, 3)]
    put_pair(folder, 2, second=2, session={"id": "s2", "label": "A"})
    put_pair(folder, 4, second=4)
    page = Listing(folder).page(session="s1", num=2)
    assert (names(page), page.is_more) == (mine[::-1], False)


def test_what_is_being_written_is_hidden(folder):
    name, other = put_recording(folder, 1), put_recording(folder, 2)
    assert names(Listing(folder).page(hidden={name})) == [other]


def test_everything_else_in_the_folder_is_nothing(folder, tmp_path):
    kept = put_pair(folder, 7)
    (tmp_path / "secret.png").write_bytes(b"secret")
    (folder / f"{stem(1)}-raw.png").symlink_to(tmp_path / "secret.png")
    os.mkfifo(folder / f"{stem(2)}-raw.png")
    (folder / f"{stem(3)}-raw.png").mkdir()
    (folder / f"{stem(4)}-raw.png.json").write_text("{}")
    for name in ("throat-x-raw.png", "holiday.png", "..png", "throat-20261399T990201.678Z-000007-raw.png",
                 f".{stem(5)}-raw.png.edge.part", f"{stem(6)}-raw.png\n", f"{stem(8)}-blue.png"):  # fmt: skip
        (folder / name).write_bytes(b"x")
    listing = Listing(folder)
    assert names(listing.page()) == [kept]
    for name in (f"{stem(1)}-raw.png", f"{stem(2)}-raw.png", "holiday.png", "../secret.png", "", "."):
        assert listing.file(name) is None
    assert listing.file(f"{kept}-raw.png") is not None


@pytest.mark.parametrize(
    "record", [b"{", b"[]", b'{"model": 3}', b'{"model": {}, "session": {"id": 3}}', b"\xff", b" " * (2 << 20), b"null"]
)
def test_a_record_that_is_none_hides_nothing(folder, record):
    name = put_pair(folder, 7)
    (folder / f"{name}-enhanced.png.json").write_bytes(record)
    assert names(Listing(folder).page()) == [name]


def test_what_comes_and_goes_is_seen(folder):
    listing = Listing(folder)
    assert listing.items() == []
    first = put_pair(folder, 1)
    assert names(listing.page()) == [first]
    second = put_pair(folder, 2, second=2)
    assert names(listing.page()) == [second, first]
    for path in folder.glob(f"{second}*"):
        path.unlink()
    assert names(listing.page()) == [first]


def test_a_folder_in_which_nothing_changed_is_not_read_again(folder, monkeypatch):
    put_pair(folder, 1)
    long_ago = time.time() - 60
    os.utime(folder, (long_ago, long_ago))
    listing = Listing(folder)
    listing.page()
    monkeypatch.setattr(listing_module, "_items_in", None)
    assert len(listing.page().items) == 1


def test_of_a_very_full_folder_the_newest_are_shown(folder, monkeypatch):
    there = [put_pair(folder, number, second=number) for number in range(5)]
    monkeypatch.setattr(listing_module, "MAX_ITEMS", 3)
    assert names(Listing(folder).page()) == there[:1:-1]
