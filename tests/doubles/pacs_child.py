"""`python -m tests.doubles.pacs_child FOLDER JSON`: a unit's sender alone, in a process that a test may kill.

FOLDER has the store in `pictures` and the queue in `pacs`; JSON says the values of [pacs], and under `wait_s` the
longest that is waited.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from pathlib import Path

from edge.config import PacsConfig
from edge.health.news import Board
from edge.pacs import patience, sender
from tests.doubles.pacs_store import store_of


def main() -> None:
    folder, told = Path(sys.argv[1]), json.loads(sys.argv[2])
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    patience.LAST_S = told.pop("wait_s", patience.LAST_S)
    patience.FIRST_S = min(patience.FIRST_S, patience.LAST_S / 4)
    sender.ASK_AGAIN_S = told.pop("ask_again_s", sender.ASK_AGAIN_S)
    board = Board()

    def tell(state: str, reason: str) -> None:
        if state == "degraded":
            logging.info("%s", reason)

    config = PacsConfig(**{"host": "127.0.0.1", "folder": str(folder / "pacs"), **told})
    sender.Sender(config, "S1", store_of(folder / "pictures", board), board, lambda: "", tell).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
