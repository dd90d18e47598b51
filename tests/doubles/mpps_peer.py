"""`python -m tests.doubles.mpps_peer PORT FOLDER`: a worklist's side of MPPS, by pynetdicom in a process of its own.

Debian's Orthanc and dcmtk have none. It keeps each step in FOLDER as `UID.json`, holds to PS3.4 F.7.2 (a UID is created
once, a step that has ended takes nothing more: 0x0110 with the error id 0xA710), and writes a line for each request
into `asked`. A file `lose` there makes it break off once, after it has kept what came; a file `refuse` has the status
that it answers with instead.
"""

from __future__ import annotations

import fcntl
import json
import sys
import threading
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, evt

MPPS = "1.2.840.10008.3.1.2.3.3"


def main() -> None:
    port, folder = int(sys.argv[1]), Path(sys.argv[2])

    def came(event: Any, what: str, uid: str, dataset: Dataset) -> tuple[Any, Dataset | None]:
        with (folder / "busy").open("w") as busy:  # who ends this process does it between two requests
            fcntl.flock(busy, fcntl.LOCK_EX)
            return done(event, what, uid, dataset)

    def done(event: Any, what: str, uid: str, dataset: Dataset) -> tuple[Any, Dataset | None]:
        path, refuse, lose = folder / f"{uid}.json", folder / "refuse", folder / "lose"
        kept = json.loads(path.read_text()) if path.exists() else None
        status: Any = 0x0000
        then: list[Any] | None = None
        if refuse.exists():
            status = int(refuse.read_text(), 16)
        elif what == "create" and kept is not None:
            status = 0x0111
        elif what == "set" and kept is None:
            status = 0x0112
        elif what == "set" and kept[-1]["00400252"]["Value"] != ["IN PROGRESS"]:
            status = Dataset()
            status.Status, status.ErrorID = 0x0110, 0xA710
        else:
            then = [*(kept or []), dataset.to_json_dict()]
        code = status if isinstance(status, int) else status.Status
        with (folder / "asked").open("a") as file:
            file.write(f"{what} {uid} {code:#06x}\n")
        if then is not None:  # whole, and after its line, for who waits for it
            part = folder / f"{uid}.part"
            part.write_text(json.dumps(then))
            part.replace(path)
        if lose.exists():
            lose.unlink()
            event.assoc.abort()
        return status, dataset if code == 0 else None

    def create(event: Any) -> tuple[Any, Dataset | None]:
        return came(event, "create", str(event.request.AffectedSOPInstanceUID), event.attribute_list)

    def change(event: Any) -> tuple[Any, Dataset | None]:
        return came(event, "set", str(event.request.RequestedSOPInstanceUID), event.modification_list)

    entity = AE("RIS")
    entity.require_called_aet = True
    entity.add_supported_context(MPPS)
    handlers: list[Any] = [(evt.EVT_N_CREATE, create), (evt.EVT_N_SET, change)]
    entity.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
    (folder / "ready").touch()
    threading.Event().wait()


if __name__ == "__main__":
    main()
