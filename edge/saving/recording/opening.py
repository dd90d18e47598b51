"""How a recording begins: its name, what its record says from the first moment on, and its small picture."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import cv2
import numpy as np
import simplejpeg

from edge.basics.errors import EdgeError, NotNow
from edge.basics.folders import Folder, open_folder
from edge.basics.whole_files import PRIVATE_FOLDER
from edge.frames.frame import FramePair
from edge.health.news import Board, NotSaved
from edge.health.record import Health
from edge.pictures.image import Image
from edge.pictures.marks import mark_text
from edge.saving.recording.encoders import Encoder, with_comment
from edge.saving.recording.names import files_of, stem_of
from edge.saving.recording.record import About
from edge.saving.recording.recording import Recording
from edge.saving.recording.tape import Piece, View
from edge.saving.store import Store

SMALL_WIDTH_PX = 320
_SMALL_QUALITY = 80
Kept = Mapping[View, tuple[bytes, list[Piece]]]
"""View -> head and pieces that are in memory already."""


class NotRecorded(NotNow):
    """No recording begins, or none runs, and why."""


class Opening:
    """Whether a recording may begin, and its files."""

    def __init__(self, store: Store, health: Health, board: Board) -> None:
        self._store, self._health, self._board = store, health, board

    def live_pair(self, pair: FramePair | None) -> FramePair:
        """The newest pair; raises NotRecorded where it is not live."""
        if pair is None:
            raise NotRecorded("there is no picture yet")
        verdict = self._health.verdict(time.monotonic_ns(), pair.raw.t_capture_ns)
        if verdict.state not in ("live", "degraded"):
            raise NotRecorded(f"the picture is not live: {verdict.reason}")
        return pair

    def refuse_without_room(self) -> None:
        """Raises NotRecorded where the disk or the store takes no more; the news say so too."""
        try:
            reason = self._store.refusal()
        except EdgeError as error:
            reason = str(error)
        if reason:
            self._board.post(NotSaved(reason, by_disk=True))
            raise NotRecorded(reason)

    def refusal(self, error: OSError) -> NotRecorded:
        """What to raise where the disk has not taken the first bytes; the news say so too."""
        self._board.post(NotSaved(self.why(error), by_disk=True))
        return NotRecorded(self.why(error))

    def opened(
        self,
        views: Sequence[View],
        pair: FramePair,
        encoder: Encoder,
        kept: Kept,
        now_ns: int,
        session: Mapping[str, Any] | None,
    ) -> Recording:
        """A recording whose files are there.

        Args:
            pair: newest; for the small picture and what made it.
            kept: what it begins with, in place of what comes from `now_ns` on.
            session: patient session that is open, as a record has it.

        Raises:
            OSError: nothing of it is on the disk.
        """
        begins = [pieces[0].begin_ns for _, pieces in kept.values() if pieces]
        begin_ns = min(begins, default=now_ns)
        began_at = datetime.now(timezone.utc) - timedelta(microseconds=(time.monotonic_ns() - begin_ns) / 1e3)
        model = pair.enhanced.model or self._health.engine().record()
        height_px, width_px = pair.raw.image.shape[:2]
        about = About(
            began_at,
            self._health.source(),
            encoder.format.told,
            (width_px, height_px),
            model,
            session,
            self._health.tracked("unit_state") or {},
        )
        enhanced = pair.enhanced
        sha256 = str(model.get("sha256", ""))
        texts = {
            "raw": mark_text("raw"),
            "enhanced": mark_text("enhanced", str(model.get("profile", "")), sha256, enhanced.strength),
        }
        folder = open_folder(self._store.folder, PRIVATE_FOLDER)
        try:
            stem = _free_stem(folder, stem_of(began_at))
            recording = Recording(
                folder,
                stem,
                views,
                about,
                begin_ns,
                lambda view, init: with_comment(init, texts[view]),
                self._store.listing.at_rest,
            )
            recording.prime({view: one for view, one in kept.items() if view in views and one[1]})
            recording.begin(small_jpeg((pair.enhanced if "enhanced" in views else pair.raw).image))
        except OSError:
            folder.close()
            raise
        return recording

    def why(self, error: OSError) -> str:
        """An error of the disk in words."""
        return f"{self._store.folder}: {error.strerror or error}; make room, or choose another [save] folder"


def small_jpeg(image: Image) -> bytes:
    """A picture for a gallery, 320 wide, from RGB uint8 (H, W, 3)."""
    height_px, width_px = image.shape[:2]
    size = SMALL_WIDTH_PX, max(1, round(height_px * SMALL_WIDTH_PX / width_px))
    small = np.ascontiguousarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return bytes(simplejpeg.encode_jpeg(small, quality=_SMALL_QUALITY, colorspace="RGB"))


def _free_stem(folder: Folder, stem: str) -> str:
    """Never over an older recording, whatever the clock says."""
    wanted, number = stem, 1
    names = set(os.listdir(folder.descriptor))  # noqa: PTH208 - a descriptor is no path
    while names & set(files_of(stem)):
        number += 1
        stem = f"{wanted}-{number}"
    return stem
