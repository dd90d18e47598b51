"""What a worker's process made, in files: over a line to the program it would be copied six times."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from edge.basics.whole_files import PRIVATE_FILE
from edge.batch.piece import Made, MadeFile
from edge.batch.steps import writing

_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


def spooled(made: Made, scratch: Path) -> Made:
    """The same with its contents in files.

    Raises:
        OutputFolderError: the folder takes nothing more.
        InputOutputError: it takes not this.
    """
    return replace(made, files=tuple(_in_a_file(file, scratch / file.name) for file in made.files))


def _in_a_file(file: MadeFile, path: Path) -> MadeFile:
    if file.content is None:
        return file
    with writing(path), os.fdopen(os.open(path, _NEW, PRIVATE_FILE), "wb") as into:
        into.write(file.content)
    return replace(file, content=None, path=path)
