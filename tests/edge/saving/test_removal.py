"""What is removed is removed whole, or not at all, whatever happens between."""

from __future__ import annotations

import itertools
import os

import pytest

from edge.basics.folders import Folder, open_folder
from edge.saving.leftovers import clean_up
from edge.saving.listing import Listing
from edge.saving.removal import item_of, names_of, remove_item
from tests.edge.saving.test_listing import put_pair, put_recording, stem


class PowerCut(BaseException):
    """Nothing catches it."""


def files(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("put", [lambda folder: put_pair(folder, 7), lambda folder: put_recording(folder, 5)])
def test_all_of_one_goes_and_the_rest_stays(tmp_path, put):
    other = put_pair(tmp_path, 9, second=9)
    before = files(tmp_path)
    name = put(tmp_path)
    (tmp_path / f"{name}-notes.txt").write_text("mine")
    with open_folder(tmp_path) as folder:
        remove_item(folder, name)
    assert files(tmp_path) == sorted([*before, f"{name}-notes.txt"])
    assert Listing(tmp_path).find(other) is not None


@pytest.mark.parametrize("step", range(8))
def test_cut_short_it_is_gone_at_once_and_finished_at_the_next_start(tmp_path, monkeypatch, step):
    name, other = put_pair(tmp_path, 7), put_recording(tmp_path, 5)
    steps = itertools.count()

    def counted(method):
        def call(self, *args):
            if next(steps) == step:
                raise PowerCut
            return method(self, *args)

        return call

    with monkeypatch.context() as cut, open_folder(tmp_path) as folder:
        for method in ("create", "sync", "unlink"):
            cut.setattr(Folder, method, counted(getattr(Folder, method)))
        with pytest.raises(PowerCut):
            remove_item(folder, name)
    is_there = Listing(tmp_path).find(name) is not None
    assert is_there == (step == 0), "all of it, or nothing"
    clean_up([tmp_path])
    listing = Listing(tmp_path)
    assert (listing.find(name) is not None) == is_there and listing.find(other) is not None
    assert is_there or not list(tmp_path.glob(f"*{name}*"))


def test_a_link_of_such_a_name_is_not_removed(tmp_path):
    name = put_pair(tmp_path, 7, views=("raw",))
    (tmp_path / f"{name}-enhanced.png").symlink_to("/etc/passwd")
    with open_folder(tmp_path) as folder:
        remove_item(folder, name)
    assert files(tmp_path) == [f"{name}-enhanced.png"]


@pytest.mark.parametrize("name", ["holiday", "../kept", "", ".", f"{stem(7)}/x", f"{stem(7)}\n", "throat-1"])
def test_a_marker_of_another_name_removes_nothing(tmp_path, name):
    assert names_of(name) == []
    put_pair(tmp_path, 7)
    marker = tmp_path / f".{name}.edge.removing"
    if "/" not in name:
        marker.touch()
        clean_up([tmp_path])
        assert len(files(tmp_path)) == 4


def test_every_file_of_an_item_says_whose_it_is(tmp_path):
    for name in (put_pair(tmp_path, 7), put_recording(tmp_path, 5), f"{stem(7)}-2"):
        assert {item_of(file) for file in names_of(name)} == {name}
    assert item_of(f"{stem(7)}-raw.png.edge.part") is None
    assert all(item_of(os.fspath(path.name)) for path in tmp_path.iterdir())
