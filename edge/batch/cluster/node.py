"""The worker on a node: gets the model once, keeps one engine, makes pieces of what it is given.

Nothing of an original or a result is written there but a clip, which FFmpeg needs as a file: it lies in a folder in
memory where there is room, and that goes with the worker however it ends. Nothing is logged there: Ray would keep it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from edge.basics.errors import EdgeError
from edge.basics.memory import keep_memory
from edge.batch.cluster.messages import Failed, Task
from edge.batch.cluster.model_files import profile_from
from edge.batch.kinds.kind import Made, MadeFile, Piece
from edge.batch.passing_folder import MEMORY, PassingFolder, has_room
from edge.batch.piece import Worker
from edge.batch.steps import NoEngine, OutputFolderError
from edge.batch.workers.in_thread import made_or_why
from edge.engines.threads import settle_opencv


class NodeWorker:
    """Runs as an actor of Ray's: its methods are called from other machines, one after the other."""

    def __init__(self) -> None:
        logging.disable()
        settle_opencv()
        keep_memory()
        self._folder = PassingFolder("edge-enhance-node-", MEMORY if has_room(MEMORY) else None)
        self._worker: Worker | None = None

    def begin(self, task: Task, files: Mapping[str, bytes], num_threads: int) -> None:
        """Check the model and begin to open its engine.

        Args:
            num_threads: cores that it has; of an engine on the CPU, where the configuration leaves that open.

        Raises:
            EdgeError: it is another model, or no engine can be had.
        """
        models, scratch = self._folder.path / "models", self._folder.path / "scratch"
        for folder in (models, scratch):
            folder.mkdir(mode=0o700)
        profile = profile_from(files, task.profile, task.sha256, models)
        # Whoever gave the order vouches for the model: it was asked there, and the hash is the same.
        config = replace(task.engine, models=str(models), keys="", threads=task.engine.threads or num_threads)
        self._worker = Worker(task.make_engine(profile, config), profile, scratch)

    def do(self, piece: Piece, content: bytes) -> Made | Failed:
        """What became of a piece, all of it in memory."""
        assert self._worker is not None, "it has begun"
        try:
            made = made_or_why(self._worker, replace(piece, content=content))
            if isinstance(made, EdgeError):
                return Failed(str(made), made.exit_code)
            return replace(made, files=tuple(map(_in_memory, made.files)))
        except (NoEngine, OutputFolderError) as error:
            is_full = isinstance(error, OutputFolderError)
            return Failed(str(error), error.exit_code, is_of_node=True, is_full=is_full)
        finally:
            for left in self._worker.scratch.iterdir():
                left.unlink()


def _in_memory(file: MadeFile) -> MadeFile:
    if file.path is None:
        return file
    return replace(file, content=file.path.read_bytes(), path=None)
