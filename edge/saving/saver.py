"""Saves pairs on the unit: the untouched picture, the enhanced one and their sidecar, whole or not at all."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.basics.errors import InputOutputError
from edge.basics.threads import give_way
from edge.basics.whole_files import PRIVATE_FILE, PRIVATE_FOLDER, make_folder, write_together
from edge.frames.frame import FramePair
from edge.health.news import Board, NotSaved, Saved
from edge.health.record import Health
from edge.pictures.marks import mark_text, png_bytes
from edge.saving.at_rest import PLAIN, AtRest
from edge.saving.names import Names, saved_frames
from edge.saving.sidecar import LiveSource, Result, saved_content, sidecar_bytes, sidecar_path

log = logging.getLogger(__name__)

MAX_WAITING = 4
"""Pairs of 12 MB that may wait for the disk."""


class PairSaver:
    """A thread that writes one pair after the other, and posts for each that it is saved, or why it is not.

    Args:
        health: names source, engine and the unit's state for the sidecar.
        names: of the program, so that a copy elsewhere has the same name; its own by default.
        at_rest: how files stand on the disk.
    """

    def __init__(
        self,
        folder: Path,
        health: Health,
        board: Board,
        names: Names | None = None,
        at_rest: AtRest = PLAIN,
    ) -> None:
        self._folder, self._health, self._board = folder, health, board
        self._names = names or Names()
        self._at_rest = at_rest
        self._last: tuple[FramePair, Mapping[str, Any] | None, Path] | None = None
        self._waiting: queue.Queue[tuple[FramePair, Mapping[str, Any] | None] | None] = queue.Queue(MAX_WAITING)
        self._thread = threading.Thread(target=self._run, name="saver", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def use(self, folder: Path) -> None:
        """Save there from the next pair on."""
        self._folder = folder

    def save(self, pair: FramePair, session: Mapping[str, Any] | None = None) -> None:
        """Queue a pair; never waits. Where too many wait already it is refused, and the news say so.

        Args:
            session: patient session in which it was taken, as a record has it.
        """
        try:
            self._waiting.put_nowait((pair, session))
        except queue.Full:
            self._board.post(NotSaved(f"{MAX_WAITING} pictures still wait for the disk", by_disk=True))

    def close(self) -> None:
        """Write what waits, for ten seconds at most, and end; safe to call twice."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join(10.0)

    def _run(self) -> None:
        give_way()
        while (waiting := self._waiting.get()) is not None:
            try:
                name = self._saved(*waiting)
            except InputOutputError as error:
                log.error("not saved: %s", error)
                self._board.post(NotSaved(str(error), by_disk=True))
            except Exception as error:
                log.exception("not saved")
                self._board.post(NotSaved(f"{type(error).__name__}: {error}"))
            else:
                log.info("saved %s", name)
                self._board.post(Saved(name))

    def _saved(self, pair: FramePair, session: Mapping[str, Any] | None) -> str:
        """The picture's name; a pair that was saved just before, such as a held one, is there already."""
        if self._last is not None and self._last[0] is pair and self._last[1] == session:
            there = self._last[2]
            if there.parent == self._folder and sidecar_path(there).exists():
                return there.name
        name = self._names.of(pair)
        model = pair.enhanced.model or self._health.engine().record()  # another engine may run by now
        try:
            make_folder(self._folder, PRIVATE_FOLDER)
            stem = self._folder / self._free_stem(name.stem)
            camera = self._health.tracked("camera") or {}
            picture, granted = camera.get("picture"), str(camera.get("granted", ""))
            source = LiveSource(self._health.source(), pair.raw.seq, name.taken_at, picture, granted)
            contents = _contents(stem, pair, model, source, self._health.tracked("unit_state") or {}, session)
            write_together(
                {path: self._at_rest.content(path.name, content) for path, content in contents.items()}, PRIVATE_FILE
            )
        except OSError as error:
            reason = error.strerror or error
            raise InputOutputError(f"{self._folder}: {reason}; make room, or choose another [save] folder") from error
        *_, picture, _sidecar = contents
        self._last = pair, session, picture
        return picture.name

    def _free_stem(self, stem: str) -> str:
        """Never over an older picture, whatever the clock says."""
        wanted, number = stem, 1
        while any(os.path.lexists(self._folder / f"{stem}-{view}.png") for view in ("raw", "enhanced")):
            number += 1
            stem = f"{wanted}-{number}"
        return stem


def _contents(
    stem: Path,
    pair: FramePair,
    model: Mapping[str, Any],
    source: LiveSource,
    unit_state: Mapping[str, Any],
    session: Mapping[str, Any] | None,
) -> dict[Path, bytes]:
    """Path -> content, the sidecar last; no enhanced picture where the engine made none."""
    frames = saved_frames(pair)
    contents: dict[Path, bytes] = {}
    files = []
    for frame in frames:
        path = stem.with_name(f"{stem.name}-{frame.mode}.png")
        sha256 = str(model.get("sha256", ""))
        text = mark_text(frame.mode, frame.profile, sha256, frame.strength, is_synthesised=frame.is_synthesised)
        contents[path] = png_bytes(frame.image, text)
        files.append(saved_content(path, frame.mode, contents[path]))
    best = frames[-1]
    size_px = (best.image.shape[1], best.image.shape[0])
    result = Result(
        source,
        size_px,
        model,
        tuple(files),
        best.stage_ms,
        mode=best.mode,
        strength=best.strength,
        unit_state=unit_state,
        session=session,
    )
    return {**contents, sidecar_path(path): sidecar_bytes(result)}
