"""Whoever asks how it stands with the PACS waits for no disk and no lock."""

import threading

from edge.pacs.waiting.database import Database
from tests.doubles.pacs_store import add_pair, session
from tests.doubles.waiting import wait_until


def test_the_record_is_read_without_the_queue(unit_of, pacs_of, monkeypatch):
    unit = unit_of(port=pacs_of().port)
    assert unit.sender.record()["waiting"] is None
    add_pair(unit.folder, 1, session())
    unit.start()
    wait_until(lambda: unit.counts() == {"committed": 2})
    asking, guarded, asked = threading.get_ident(), Database._guarded, []

    def watched(database):
        asked.append(threading.get_ident() == asking)
        return guarded(database)

    monkeypatch.setattr(Database, "_guarded", watched)
    record = unit.sender.record()
    assert (record["committed"], record["waiting"], record["oldest_waiting_s"]) == (2, 0, None)
    assert True not in asked
