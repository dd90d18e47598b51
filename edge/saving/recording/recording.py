"""One recording on the disk: clips that grow by whole fragments, a small picture, and the record of them."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import BinaryIO

from edge.basics.folders import Folder
from edge.basics.whole_files import PRIVATE_FILE, lock, whole_file_in
from edge.frames.frame import Frame
from edge.health.disk import FULL_BYTES
from edge.saving.at_rest import PLAIN, AtRest
from edge.saving.recording.boxes import TICKS_PER_S
from edge.saving.recording.names import clip_name, files_of, poster_name, sidecar_name
from edge.saving.recording.record import ENDED, RUNNING, About, Changes, ClipFile, record_bytes
from edge.saving.recording.tape import Piece, View


class Recording:
    """Safe to call from several threads. The folder is its own to close.

    Its clips bear their last names from the begin, unlike other files: they are whole at each moment up to the last
    fragment, and are locked while they grow, so that `made_whole` can tell them from what a power cut left.

    Args:
        begin_ns: earlier pieces are not taken.
        comment: makes the head of a view's clip say what it is.
        at_rest: how its files stand on the disk.

    Attributes:
        stop_ns: later pieces are not taken; None while it runs.
    """

    def __init__(
        self,
        folder: Folder,
        stem: str,
        views: Sequence[View],
        about: About,
        begin_ns: int,
        comment: Callable[[View, bytes], bytes],
        at_rest: AtRest = PLAIN,
    ) -> None:
        self.stem, self.views, self.begin_ns = stem, tuple(views), begin_ns
        self.stop_ns: int | None = None
        self.changes = Changes()
        self._num_changes_told = 0
        self.num_dropped = 0
        self.is_failed = self.is_finishing = self.is_finished = False
        self._folder, self._about, self._comment, self._at_rest = folder, about, comment, at_rest
        self._lock = threading.Lock()
        self._clips: dict[View, _Clip] = {}
        self._done: set[View] = set()
        self._origin_ns: int | None = None
        self._kept: dict[View, tuple[bytes, list[Piece]]] = {}

    def prime(self, kept: Mapping[View, tuple[bytes, list[Piece]]]) -> None:
        """Begin with what is in memory: view -> head and pieces. Written by `write_kept`, and before all that comes."""
        self._kept = dict(kept)
        if kept:
            self._origin_ns = self.begin_ns

    def begin(self, poster: bytes) -> None:
        """Make its files; raises OSError, and nothing of it is left then."""
        try:
            for view in self.views:
                self._clips[view] = _Clip(self._folder, clip_name(self.stem, view), view, self._at_rest)
            self._write_record(RUNNING)
            self._write(poster_name(self.stem), poster)
        except OSError:
            self._close_clips()
            self._remove_all()
            raise

    @property
    def began_at(self) -> datetime:
        """UTC."""
        return self._about.began_at

    @property
    def num_bytes(self) -> int:
        return sum(clip.num_bytes for clip in self._clips.values())

    @property
    def duration_s(self) -> float:
        """Of its longest clip."""
        return max((clip.duration_s for clip in self._clips.values()), default=0.0)

    def see(self, frame: Frame) -> None:
        """Note what makes the enhanced picture from this frame on."""
        origin_ns = self.begin_ns if self._origin_ns is None else self._origin_ns
        self.changes.see(frame, (frame.t_capture_ns - origin_ns) / 1e9)

    def write_kept(self) -> None:
        """Write what it was primed with; raises as `append`."""
        for view in self.views:
            self.append(view, b"", [])

    def append(self, view: View, init: bytes, pieces: Sequence[Piece]) -> None:
        """Write pieces of one view, on the disk when this returns; those that are not of its time are left out.

        Args:
            init: head of the clip that they are of.

        Raises:
            OSError: the disk takes no more; the clip is whole up to the piece before.
        """
        with self._lock:
            if view in self._kept:
                head, kept = self._kept.pop(view)
                for piece in kept:
                    self._append(head, piece)
            for piece in pieces:
                self._append(init, piece)

    def end_view(self, view: View) -> None:
        """No more pieces of this view come."""
        with self._lock:
            self._done.add(view)

    def is_over(self) -> bool:
        """Whether no piece of any view comes any more."""
        with self._lock:
            return self._done >= set(self.views)

    def finish(self, ended: str, wait_s: float) -> bool:
        """Write the record and let go of all; False where the disk holds a piece back for longer than this.

        Args:
            ended: by what, in a few words.

        Raises:
            OSError: the record cannot be written; the clips are there, locked still, and it may be tried again.
        """
        if not self._lock.acquire(timeout=wait_s):
            return False
        try:
            if self.is_finished:
                return True
            self._done.update(self.views)
            if self.num_bytes:
                self._write_record(ENDED, ended)
            else:
                self._remove_all()
            self.is_finished = True
            self._close_clips()
            self._folder.close()
            return True
        finally:
            self._lock.release()

    def _append(self, init: bytes, piece: Piece) -> None:
        if piece.view in self._done or piece.begin_ns < self.begin_ns:
            return
        if self.stop_ns is not None and piece.begin_ns >= self.stop_ns:
            self._done.add(piece.view)
            return
        if self._origin_ns is None:
            self._origin_ns = piece.begin_ns
        if piece.begin_ns < self._origin_ns:
            return
        clip = self._clips[piece.view]
        ticks = round((piece.begin_ns - self._origin_ns) * TICKS_PER_S / 1e9)
        clip.append(self._comment(piece.view, init), ticks, piece)
        if len(self.changes.entries()) > self._num_changes_told:
            self._write_record(RUNNING)  # a power cut leaves what made the pictures up to here
        if self.stop_ns is not None and piece.end_ns >= self.stop_ns:
            self._done.add(piece.view)

    def _write_record(self, state: str, ended: str = "") -> None:
        files = [clip.facts() for clip in self._clips.values() if state == RUNNING or clip.num_bytes]
        late_ns = 0 if self._origin_ns is None else self._origin_ns - self.begin_ns
        about = replace(self._about, began_at=self._about.began_at + timedelta(microseconds=late_ns / 1e3))
        changes = self.changes.entries()
        self._num_changes_told = len(changes)
        content = record_bytes(about, files, state, ended=ended, num_dropped=self.num_dropped, changes=changes)
        for clip in self._clips.values():
            if state == ENDED:
                clip.end()
        self._write(sidecar_name(self.stem), content)
        for clip in self._clips.values():
            if state == ENDED and not clip.num_bytes and self._folder.about(clip.name) is not None:
                self._folder.unlink(clip.name)

    def _write(self, name: str, content: bytes) -> None:
        with whole_file_in(self._folder, name, PRIVATE_FILE) as file:
            file.write(self._at_rest.content(name, content))

    def _close_clips(self) -> None:
        for clip in self._clips.values():
            clip.close()

    def _remove_all(self) -> None:
        for name in files_of(self.stem):
            if self._folder.about(name) is not None:
                self._folder.unlink(name)
        self._folder.sync()


class _Clip:
    """A file that grows."""

    def __init__(self, folder: Folder, name: str, view: View, at_rest: AtRest) -> None:
        self.name, self.view = name, view
        self.num_bytes = self.num_frames = 0
        self._end_ticks, self._has_ended = 0, False
        self._digest = hashlib.sha256()
        self._file: BinaryIO = folder.create(name, PRIVATE_FILE)
        lock(self._file, wait=False)
        self._growing = at_rest.growing(self._file, name)

    @property
    def duration_s(self) -> float:
        return self._end_ticks / TICKS_PER_S

    def append(self, init: bytes, ticks: int, piece: Piece) -> None:
        content = piece.fragment.moved_to(ticks)
        whole = content if self.num_bytes else init + content
        disk = os.fstatvfs(self._file.fileno())
        if disk.f_bavail * disk.f_frsize < FULL_BYTES + len(whole):  # what is left is for pictures
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._growing.append(whole)
        self._digest.update(whole)
        self.num_bytes += len(whole)
        self.num_frames += piece.fragment.num_frames
        self._end_ticks = ticks + piece.fragment.duration

    def facts(self) -> ClipFile:
        digest = self._digest.hexdigest() if self.num_bytes else ""
        return ClipFile(self.name, self.view, self.num_bytes, self.num_frames, self.duration_s, digest)

    def end(self) -> None:
        """Nothing more comes; raises OSError, and may be tried again."""
        if not self._has_ended:
            self._growing.end()
        self._has_ended = True

    def close(self) -> None:
        self._file.close()
