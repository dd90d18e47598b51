"""A clip of a batch: read, enhanced frame by frame, written with the times and the sound of the original."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.basics.errors import InputOutputError
from edge.basics.texts import one_line
from edge.batch.clip_writer import clip_writer
from edge.batch.steps import Stopped, read_ahead, writing
from edge.clips.decode import ClipReader, Damage
from edge.clips.encode import ClipOrder, Codec
from edge.clips.facts import ClipFacts
from edge.frames.lending import Lend
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_WIDTH_PX, is_cropped
from edge.pictures.image import Image
from edge.pictures.marks import KEYWORD
from edge.sources.clip import fitted_frame
from edge.sources.pace import FrameFitter

_log = logging.getLogger(__name__)
_MOST_TIMES = 100


@dataclass(frozen=True, slots=True)
class ClipWork:
    """What making a clip needs from who owns the engine.

    Attributes:
        enhance: the enhanced frame of one at 1920x1080.
        lend: memory for what is read.
        stop: ends the work.
        on_frame: called after each frame.
        mark: what the clip says of itself.
    """

    enhance: Callable[[Image], Image]
    lend: Lend
    stop: threading.Event
    on_frame: Callable[[], object]
    mark: str
    codec: Codec


@dataclass(frozen=True, slots=True)
class ClipMade:
    """What became of a clip: `about` for its sidecar, `changes` in words for the summary."""

    about: dict[str, Any]
    changes: tuple[str, ...]


def make_clip(
    source: Path, target: Path, facts: ClipFacts, work: ClipWork, before_it_is_there: Callable[[], object]
) -> ClipMade:
    """Write `target`, whole or not at all.

    Args:
        before_it_is_there: called when all is written, before the name appears.

    Raises:
        Stopped: `stop` was set.
        OutputFolderError: the output folder takes nothing more.
        InputOutputError: the clip cannot be read or encoded, or changed meanwhile.
    """
    order = ClipOrder(source, facts, FRAME_WIDTH_PX, FRAME_HEIGHT_PX, f"{KEYWORD}: {work.mark}")
    reader, fitter = ClipReader(source, facts), FrameFitter(one_line(str(source)), _log)
    num_frames = 0
    state = _state(source)
    with (
        closing(reader),
        writing(target),
        clip_writer(target, order, work.codec) as writer,
        closing(read_ahead(lambda: fitted_frame(reader, fitter, work.lend))) as frames,
    ):
        for image, time_s in frames:
            if work.stop.is_set():
                raise Stopped
            writer.append(work.enhance(image), time_s)
            num_frames += 1
            work.on_frame()
        if _state(source) != state:
            raise InputOutputError(f"{source}: changed while it was read; give it again when it is complete")
        before_it_is_there()
    damage = reader.damage()
    if damage:
        _log.warning("%s", one_line(f"{source}: {damage.line()}"))
    sound = order.sound(writer.format)
    about = {
        "frames": num_frames,
        "frames_promised_by_source": facts.num_frames,
        "fps": facts.fps,
        "codec": writer.format.told,
        "audio": sound,
        **({"changes": list(facts.changes)} if facts.changes else {}),
        **({"damage": _record(damage)} if damage else {}),
    }
    return ClipMade(about, _changes(facts, damage, sound))


def _state(source: Path) -> tuple[int, int]:
    """What differs once somebody has written to a file."""
    try:
        found = source.stat()
    except OSError as error:
        raise InputOutputError(f"{source}: cannot be read: {error.strerror or error}") from error
    return found.st_size, found.st_mtime_ns


def _record(damage: Damage) -> dict[str, Any]:
    return {
        "frames_missing": damage.num_missing,
        "missing_from_s": _rounded(damage.missing_from_s),
        "faults": damage.num_faults,
        "near_s": _rounded(damage.times_s),
        "last_fault": damage.told,
        "cut_short": damage.is_cut_short,
    }


def _rounded(times_s: Sequence[float]) -> list[float]:
    return sorted({round(time_s, 3) for time_s in times_s})[:_MOST_TIMES]


def _changes(facts: ClipFacts, damage: Damage, sound: str) -> tuple[str, ...]:
    words = [change.split(" (")[0] for change in facts.changes]
    if is_cropped(facts.width_px, facts.height_px):
        words.append("cropped")
    if sound.startswith("converted"):
        words.append("sound converted")
    if damage.num_missing:
        words.append("frames missing")
    if damage and not damage.num_missing:
        words.append("cut short" if damage.is_cut_short else "damaged")
    return tuple(words)
