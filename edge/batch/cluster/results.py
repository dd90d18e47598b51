"""Results as they come from the nodes: held to their hashes, and written where the program moves them from."""

from __future__ import annotations

import hashlib
from pathlib import Path

from edge.basics.errors import InputOutputError
from edge.basics.whole_files import PRIVATE_FOLDER
from edge.batch.cluster.messages import Done, Failed, Full, Lost
from edge.batch.kinds.kind import Made
from edge.batch.steps import OutputFolderError, writing
from edge.batch.workers.spool import spooled


def landed(done: Done, folder: Path) -> Done | Lost | Full:
    """The report of a piece with its result in files.

    Each worker's lie in a folder of its own: what a lost one still sends never gets among what another made.
    """
    if isinstance(done.made, Failed):
        return done
    if not _is_whole(done.made):
        return Lost(done.worker, done.number, "what it sent arrived damaged")
    own = folder / f"worker-{done.worker}"
    try:
        with writing(own):
            own.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        return done._replace(made=spooled(done.made, own))
    except OutputFolderError as error:
        return Full(str(error))
    except InputOutputError as error:
        return done._replace(made=Failed(str(error), error.exit_code))


def _is_whole(made: Made) -> bool:
    return all(
        file.content is not None and hashlib.sha256(file.content).hexdigest() == file.sha256 for file in made.files
    )
