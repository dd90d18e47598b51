"""A clip: read, enhanced frame by frame, written with the times and the sound of the original."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge.basics.errors import InputOutputError
from edge.basics.texts import one_line
from edge.batch.checks import is_flat, refuse_flat, refuse_unsound_clip
from edge.batch.kinds.clip_writer import clip_writer
from edge.batch.kinds.kind import Made, Options, Piece, Work, made_at
from edge.batch.steps import Stopped, new_file, read_ahead, writing
from edge.clips.decode import ClipReader, Damage
from edge.clips.encode import ClipOrder, suffix_of
from edge.clips.facts import ClipFacts, clip_facts
from edge.clips.formats import CLIP_SUFFIXES, ListOfFiles
from edge.clips.program import NoFfmpeg
from edge.pictures.files import PICTURE_SUFFIXES
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_WIDTH_PX, is_cropped
from edge.pictures.image import Mode
from edge.pictures.marks import KEYWORD
from edge.pictures.view_names import view_name
from edge.saving.sidecar import SourceFile, source_file
from edge.sources.clip import fitted_frame
from edge.sources.pace import FrameFitter

_unheard = logging.Logger("unheard", logging.CRITICAL + 1)
_MOST_TIMES = 100
_BYTES_A_FRAME = 50_000
"""Of a clip that nobody has looked into yet: a guess."""


class ClipKind:
    """Implements `edge.batch.kinds.kind.Kind`. Its raw file is the original itself, which is not copied."""

    name = "clip"
    page_letter = "p"
    suffixes = CLIP_SUFFIXES

    def begins(self, path: Path) -> bool:
        return True

    def num_pages(self, path: Path) -> int:
        return 1

    def num_frames(self, path: Path) -> int:
        try:
            return max(1, path.stat().st_size // _BYTES_A_FRAME)
        except (OSError, ValueError):
            return 1

    def outputs(self, name: str, options: Options, naming: Callable[[str, Mode, str], str]) -> tuple[str, ...]:
        return (naming(name, "enhanced", suffix_of(options.codec)),)

    def make(self, piece: Piece, work: Work) -> Made:
        path = _path(piece, work.scratch)
        state = _state(path)
        facts = _facts(path, piece.path)
        is_silenced = bool(facts.audio) and piece.options.deidentify is not None  # a voice tells whose it is
        facts = replace(facts, audio=()) if is_silenced else facts
        work.expect(facts.num_frames)
        source = source_file(path)
        (name,) = self.outputs(piece.name, piece.options, view_name)
        target = work.scratch / name
        order = ClipOrder(path, facts, FRAME_WIDTH_PX, FRAME_HEIGHT_PX, f"{KEYWORD}: {work.mark}")
        reader, fitter = ClipReader(path, facts), FrameFitter(str(path), _unheard)
        num_frames, shows_nothing = 0, True
        with (
            closing(reader),
            writing(target),
            clip_writer(target, order, piece.options.codec) as writer,
            closing(read_ahead(lambda: fitted_frame(reader, fitter, work.lend))) as frames,
        ):
            for image, time_s in frames:
                if work.stop.is_set():
                    raise Stopped
                enhanced = work.enhance(image)
                refuse_flat(str(piece.path), image, enhanced)
                shows_nothing = shows_nothing and is_flat(enhanced)
                writer.append(enhanced, time_s)
                num_frames += 1
                work.did_frame()
            if _state(path) != state:
                raise InputOutputError(f"{piece.path}: changed while it was read; give it again when it is complete")
        refuse_unsound_clip(str(piece.path), target)
        damage, sound = reader.damage(), order.sound(writer.format)
        about = {
            "frames": num_frames,
            "frames_promised_by_source": facts.num_frames,
            "fps": facts.fps,
            "codec": writer.format.told,
            "audio": sound,
            **({"changes": list(facts.changes)} if facts.changes else {}),
            **({"damage": _record(damage)} if damage else {}),
        }
        with writing(target):
            files = (made_at(target, "enhanced", is_flat=shows_nothing),)
        return work.made(
            SourceFile(piece.origin, source.sha256, source.num_bytes),
            (facts.width_px, facts.height_px),
            files,
            (*_changes(facts, damage, sound), *("sound left out",) * is_silenced),
            warnings=(one_line(f"{piece.path}: {damage.line()}"),) if damage else (),
            clip=about,
        )


def _path(piece: Piece, scratch: Path) -> Path:
    """Where the clip lies: FFmpeg, a program of its own, reads a file."""
    if piece.content is None:
        return piece.path
    path = scratch / f"original{piece.path.suffix}"
    with writing(path), new_file(path) as into:
        into.write(piece.content)
    return path


def _facts(path: Path, given: Path) -> ClipFacts:
    """What the clip says of itself; a name that says nothing was tried as a picture already."""
    if given.suffix.lower() in CLIP_SUFFIXES:
        return clip_facts(path)
    try:
        return clip_facts(path)
    except ListOfFiles:
        raise
    except NoFfmpeg as error:
        raise InputOutputError(f"{given}: not a picture, and {error}") from error
    except InputOutputError as not_a_clip:
        if not _state(path)[0]:
            raise
        endings = " ".join(sorted(PICTURE_SUFFIXES | CLIP_SUFFIXES))
        raise InputOutputError(f"{given}: neither a picture nor a clip; expected a file like {endings}") from not_a_clip


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
