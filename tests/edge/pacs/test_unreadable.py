"""A record that cannot be read at this moment is not nobody's: it is held, and looked at again."""

import errno
import os

import pytest

from edge.pacs.waiting.queue import Queue
from edge.pacs.waiting.scan import Scan
from edge.saving.at_rest import AtRest
from edge.saving.sealing.sealed import KeyMissing
from tests.doubles.pacs_store import add_pair, session, store_of
from tests.doubles.waiting import wait_until

ERRORS = [OSError(errno.EMFILE, os.strerror(errno.EMFILE)), KeyMissing("x", bytes(8))]


@pytest.fixture
def failing(monkeypatch):
    """What reading a record raises; while it is empty, nothing."""
    errors, read = [], AtRest.read

    def failing_read(at_rest, *rest):
        for error in errors:
            raise error
        return read(at_rest, *rest)

    monkeypatch.setattr(AtRest, "read", failing_read)
    return errors


@pytest.mark.parametrize("error", ERRORS, ids=["EMFILE", "no key"])
def test_it_is_held_and_queued_when_it_can_be_read(tmp_path, failing, error):
    name = add_pair(tmp_path / "pictures", 1, session())
    nobody = add_pair(tmp_path / "pictures", 2)
    queue = Queue(tmp_path / "pacs")
    scan = Scan(store_of(tmp_path / "pictures"), queue, lambda: "", set())
    failing.append(error)
    assert scan.run() == {name: "", nobody: ""} and queue.items() == set()
    failing.clear()
    assert scan.run() == {} and queue.items() == {name}
    queue.close()


def test_what_is_queued_is_tried_later(unit_of, pacs_of, failing):
    unit = unit_of(port=pacs_of().port)
    name = add_pair(unit.folder, 1, session())
    unit.sender.held()  # queues it
    failing.append(ERRORS[0])
    unit.start()
    wait_until(lambda: any(one.tries for one in unit.sender._queue.of(name)))
    assert unit.counts() == {"waiting": 2}
    failing.clear()
    wait_until(lambda: unit.counts() == {"committed": 2})


def test_the_gallery_looks_again(tmp_path, failing):
    add_pair(tmp_path, 1, session())
    listing = store_of(tmp_path).listing
    failing.append(ERRORS[0])
    assert listing.page().items[0]["session"] is None
    failing.clear()
    assert listing.page().items[0]["session"]["id"] == session()["id"]
