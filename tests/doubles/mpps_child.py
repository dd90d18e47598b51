"""`python -m tests.doubles.mpps_child FOLDER PACS_PORT MPPS NUM`: a unit with one patient session after the other.

A test may kill it at any moment. In every fourth session nothing is saved.

FOLDER has the store in `pictures`, the queue in `pacs`, the open session in `session`, and in `number` how many began.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from edge.basics.whole_files import write_whole
from edge.config import PacsConfig, WorklistConfig
from edge.health.news import Board
from edge.pacs import patience, performing, sender
from edge.saving.patient_session import PatientSession
from tests.doubles.pacs_store import add_pair, examination, store_of


def main() -> None:
    folder, port, mpps, num = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    patience.FIRST_S, patience.LAST_S = 0.05, 0.3
    performing.POLL_S, performing.GRACE_S, sender.POLL_S = 0.05, 0.0, 0.05
    board = Board()
    session = PatientSession(board, folder / "session" / "session.json", 0)
    telling = performing.Performing(WorklistConfig(mpps=mpps, timeout_s=60), board, session.now)
    config = PacsConfig(host="127.0.0.1", port=port, folder=str(folder / "pacs"), commitment=False, timeout_s=120)
    sending = sender.Sender(
        *(config, "S1", store_of(folder / "pictures", board), board),
        lambda: str((session.now() or {}).get("id", "")),
        lambda state, reason: None,
        telling,
    )
    telling.start()
    sending.start()
    session.close()
    while telling.record() is None:  # sessions before the first step could be kept are none of its
        threading.Event().wait(0.01)
    counter = folder / "number"
    for number in range(int(counter.read_text()) if counter.exists() else 0, num):
        write_whole(counter, str(number + 1).encode(), 0o640)
        session.open_for(examination(number))
        if number % 4:
            add_pair(folder / "pictures", number, session.now())
        session.close()
    (folder / "done").touch()
    threading.Event().wait()


if __name__ == "__main__":
    main()
