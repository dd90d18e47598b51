"""A save folder that is not there, or another one, undoes nothing of what the queue knows."""

from contextlib import closing

import pytest

from edge.pacs.waiting.queue import Queue
from edge.pacs.waiting.scan import Scan
from tests.doubles.pacs_store import add_pair, session, store_of


@pytest.mark.parametrize(("kind", "reason"), [("missing", "missing"), ("empty", "empty"), ("other", "another folder")])
def test_nothing_is_forgotten_for_want_of_the_folder(tmp_path, kind, reason):
    folder, away, removed = tmp_path / "pictures", tmp_path / "away", set()
    names = {add_pair(folder, number, session(number)) for number in (1, 2)}
    with closing(Queue(tmp_path / "pacs")) as queue:
        scan = Scan(store_of(folder), queue, lambda: "", removed)
        scan.run()
        scan.run()
        (entry, *_) = queue.entries()
        queue.took(entry, "1.1", "1.1", "1.2")
        queue.sent(entry)
        queue.committed(["1.1"])
        before = queue.entries()
        folder.rename(away)
        if kind != "missing":
            folder.mkdir()
        new = {add_pair(folder, 3, session(3))} if kind == "other" else set()
        for _ in range(3):
            scan.run()
            assert reason in scan.trouble and queue.items() == names | new
        assert [one for one in queue.entries() if one.item in names] == before
        removed.add(entry.item)  # by somebody, just before the disk went
        scan.run()
        assert queue.items() == (names | new) - {entry.item} and not removed


def test_what_was_taken_away_by_hand_is_forgotten_where_the_folder_is_there(tmp_path):
    folder = tmp_path / "pictures"
    name, other = (add_pair(folder, number, session(number)) for number in (1, 2))
    with closing(Queue(tmp_path / "pacs")) as queue:
        Scan(store_of(folder), queue, lambda: "", set()).run()
        for path in folder.glob(f"{name}*"):
            path.unlink()
        scan = Scan(store_of(folder), queue, lambda: "", set())
        scan.run()
        assert queue.items() == {other} and scan.trouble == ""
