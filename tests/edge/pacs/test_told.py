"""Whoever asks how it stands with the PACS waits for no disk; whoever closes a session is heard, pydicom is not."""

import logging
import threading
import time

from edge.health.news import SessionChanged
from edge.pacs.waiting.database import Database
from edge.pacs.ways import commitment
from edge.pacs.ways.commitment import Reports
from tests.doubles.pacs_store import add_pair, session
from tests.doubles.waiting import GUARD_S, wait_until


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


def test_a_session_that_closes_between_the_scan_and_the_sending_is_scanned(unit_of):
    unit = unit_of(port=1)
    queue, scan = unit.sender._queue_and_scan()
    unit.open_session = session(1)["id"]
    mine = add_pair(unit.folder, 1, session(1))
    run = scan.run

    def closing_after():
        found = run()
        unit.open_session = ""
        unit.board.post(SessionChanged(""))
        return found

    scan.run = closing_after
    unit.sender._round()
    assert queue.items() == set()
    unit.sender._round()
    assert queue.items() == {mine}


def test_a_unit_that_sends_over_the_web_silences_pydicom_too(unit_of):
    for name in ("pydicom", "pynetdicom"):
        logging.getLogger(name).disabled = False
    unit_of(host="", stow="https://pacs.example/stow")
    assert logging.getLogger("pydicom").disabled and logging.getLogger("pynetdicom").disabled


def test_a_report_is_answered_before_the_connection_on_which_it_came_is_released(unit_of, pacs_of, monkeypatch):
    take, pacs = Reports.take, pacs_of()

    def slowly(reports, event):
        status = take(reports, event)
        time.sleep(0.3)
        return status

    monkeypatch.setattr(Reports, "take", slowly)
    monkeypatch.setattr(commitment, "_ANSWER_S", GUARD_S)
    unit = unit_of(port=pacs.port)
    add_pair(unit.folder, 1, session())
    unit.start()
    wait_until(lambda: pacs.answers)
    assert pacs.answers == [0x0000]
