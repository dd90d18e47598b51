"""The queue on the disk, what the store puts into it, and UIDs that are the same whatever was lost."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydicom.uid import UID

from edge.config import PacsConfig
from edge.pacs.delivery import Delivery
from edge.pacs.patience import LAST_S, wait_after
from edge.pacs.waiting.queue import NAME, Queue
from edge.pacs.waiting.scan import Scan
from edge.pacs.waiting.uids import named, uid_of
from edge.pacs.ways.outcome import NotTaken, Outcome, Taken
from tests.doubles.pacs_store import add_pair, session, store_of


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    with closing(Queue(tmp_path / "pacs")) as made:
        yield made


def add(queue: Queue, item: str, session_id: str = "s", at: float = 0.0) -> None:
    queue.add(item, session_id, named(item, "pair", session_id, "1.2", ["raw"]), at)


def sent(queue: Queue, item: str, *parts: str) -> None:
    (entry,) = queue.of(item)
    for uid in parts:
        queue.took(entry, uid, uid, "1.2.3")
    queue.sent(entry)


def test_uids_are_sound_and_always_the_same() -> None:
    first = named("throat-1", "pair", "5e55", "1.2.3", ["raw", "enhanced"])
    assert first == named("throat-1", "pair", "5e55", "1.2.3", ["raw", "enhanced"])
    uids = [uid for pair in first.values() for uid in pair]
    assert len(set(uids)) == 4 and all(UID(uid).is_valid for uid in uids)
    other = named("throat-2", "pair", "5e55", "1.2.3", ["raw"])["raw"]
    assert other[0] == first["raw"][0] and other[1] != first["raw"][1], "of one series, another object"
    assert named("throat-1", "pair", "5e56", "1.2.3", ["raw"])["raw"] != first["raw"]
    assert uid_of("a", "bc") != uid_of("ab", "c")


def test_nothing_is_queued_twice(queue: Queue) -> None:
    add(queue, "throat-1")
    sent(queue, "throat-1", "1.1")
    add(queue, "throat-1", at=5.0)
    assert [(one.state, one.queued_at) for one in queue.entries()] == [("sent", 0.0)]


def test_what_was_tried_least_goes_first_and_a_clock_that_was_wrong_keeps_nothing_back(queue: Queue) -> None:
    for number in range(3):
        add(queue, f"throat-{number}", at=number)
    queue.later(queue.of("throat-0")[0], "x", 0.0)
    queue.later(queue.of("throat-1")[0], "x", 1e12)  # as a clock in the year 33658 said
    assert [one.item for one in queue.due(100.0)] == ["throat-2", "throat-0", "throat-1"]
    queue.later(queue.of("throat-2")[0], "x", 150.0)
    assert [one.item for one in queue.due(100.0)] == ["throat-0", "throat-1"]


def test_a_session_is_asked_about_when_all_of_it_was_sent(queue: Queue) -> None:
    for item, of in (("throat-1", "a"), ("throat-2", "a"), ("throat-3", "b")):
        add(queue, item, of)
    sent(queue, "throat-1", "1.1")
    sent(queue, "throat-3", "1.3")
    assert [one.sent_uid for one in queue.to_confirm(100.0, 10.0)] == ["1.3"]
    sent(queue, "throat-2", "1.2")
    about = queue.to_confirm(100.0, 10.0)
    assert [one.sent_uid for one in about] == ["1.1", "1.2", "1.3"]
    queue.asks("9.9", 100.0)
    assert queue.to_confirm(100.0, 10.0) == about, "nobody knows yet whether the PACS has heard it"
    queue.asked(about, 100.0)
    assert queue.knows("9.9") and not queue.knows("9.8")
    assert queue.to_confirm(105.0, 10.0) == [] and len(queue.to_confirm(110.0, 10.0)) == 3


def test_a_long_clip_is_kept_when_all_its_parts_are(queue: Queue) -> None:
    add(queue, "throat-1")
    sent(queue, "throat-1", "1.1", "1.2")
    queue.committed(["1.1"])
    assert queue.counts()["sent"] == 1
    assert queue.unfinished(is_commitment_asked=True) == {"throat-1": "sent"}
    queue.not_committed("1.2", "it has none of this UID", 0.0)
    (entry,) = queue.of("throat-1")
    assert (entry.state, queue.taken(entry)) == ("waiting", {"1.1"}), "the part that it keeps is not sent again"
    sent(queue, "throat-1", "1.2")
    queue.committed(["1.2"])
    assert queue.counts()["committed"] == 1 and queue.unfinished(is_commitment_asked=True) == {}


def test_parts_that_the_pacs_has_are_not_sent_again(queue: Queue, tmp_path: Path) -> None:
    add(queue, "throat-1")
    (entry,) = queue.entries()
    seen: list[str] = []

    class Way:
        def __init__(self, *outcomes: Outcome) -> None:
            self.outcomes = list(outcomes)

        def send(self, dataset: str) -> Outcome:
            seen.append(dataset)
            return self.outcomes.pop(0)

    parts = [SimpleNamespace(uid=uid, dataset=uid) for uid in ("1.1", "1.2", "1.3")]
    delivery = Delivery(PacsConfig(), "", store_of(tmp_path), queue, lambda: False, lambda: None)
    for way in (Way(Taken("1.1", "c"), NotTaken("busy")), Way(Taken("1.2", "c"), Taken("1.3", "c"))):
        delivery._send_view(way, entry, parts)  # type: ignore[arg-type]
    assert seen == ["1.1", "1.2", "1.2", "1.3"]
    assert queue.counts()["sent"] == 1


def test_a_database_of_another_version_is_put_aside(tmp_path: Path) -> None:
    with closing(Queue(tmp_path)) as queue:
        add(queue, "throat-1")
        queue._database.all("PRAGMA user_version = 99")
    with closing(Queue(tmp_path)) as again:
        assert again.entries() == []
    assert len([path for path in tmp_path.iterdir() if path.name.startswith(f"{NAME}.damaged-")]) >= 1


def test_the_store_says_what_is_to_be_sent(queue: Queue, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "pictures"
    mine = add_pair(folder, 1, session(1))
    other = add_pair(folder, 2, session(2), enhanced=False)
    labelled = {key: value for key, value in session(3).items() if key != "examination"}
    add_pair(folder, 3, labelled)
    running = add_pair(folder, 4, session(4))
    (folder / f"{add_pair(folder, 5, session(5))}-enhanced.png.json").write_text("{")
    store = store_of(folder)
    store.running = lambda: (running, 1)
    open_session = [session(1)["id"]]
    scan = Scan(store, queue, lambda: open_session[0], set())
    assert scan.run() == {mine: open_session[0]}
    assert queue.items() == {other}
    open_session[0] = ""
    assert scan.run() == {} and queue.items() == {other, mine}
    for path in folder.glob(f"{mine}*"):
        path.unlink()
    store.listing.use(folder)
    scan.run()
    assert queue.items() == {other} and f"gone from the store before they were sent: {mine}" in caplog.text


def test_a_recording_is_queued_when_it_has_ended(queue: Queue, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    name = "throat-20260504T030201.678Z-recording"
    record = {"kind": "recording", "state": "recording", "session": session(1), "model": {}}
    (folder / f"{name}-raw.mp4").write_bytes(b"x")
    (folder / f"{name}.json").write_text(json.dumps(record))
    scan = Scan(store_of(folder), queue, lambda: "", set())
    assert scan.run() == {name: session(1)["id"]}, "cut off and not made whole yet: it must stay"
    assert queue.items() == set()
    (folder / f"{name}.json").write_text(json.dumps({**record, "state": "ended"}))
    assert scan.run() == {}
    assert queue.items() == {name}


def test_what_another_process_changed_is_seen(queue: Queue, tmp_path: Path) -> None:
    add(queue, "throat-1")
    assert queue.items() == {"throat-1"}
    with closing(Queue(tmp_path / "pacs")) as other:
        add(other, "throat-2")
        assert queue.items() == other.items() == {"throat-1", "throat-2"}
        queue.forget(["throat-1"])
        assert queue.items() == other.items() == {"throat-2"}


def test_the_waits_grow_and_end() -> None:
    waits = [wait_after(tries) for tries in range(20)]
    assert all(2.5 <= wait <= LAST_S for wait in waits) and waits[-1] > 10 * waits[0]
