"""The work on an object: a frame of it, or its video."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from edge.basics.errors import EdgeError, InputOutputError
from edge.batch.checks import is_flat, refuse_flat
from edge.batch.kinds.clip import ClipKind
from edge.batch.kinds.kind import Made, Piece, Work, made_at, made_content
from edge.batch.steps import new_file, writing
from edge.dicom.derived.deidentify import Deidentifier, refuse_burned_in
from edge.dicom.derived.enhanced import Enhancement
from edge.dicom.reading.file import DicomFile, Facts, dicom_from_content, opened_dicom
from edge.dicom.saved import DicomObject
from edge.dicom.video.stream import stream_of
from edge.pictures.geometry import fit_to_frame, is_cropped
from edge.pictures.marks import KEYWORD
from edge.pictures.reading.picture_file import PictureRefused
from edge.saving.sidecar import PROGRAM, SourceFile, describe_fit, source_file

_BYTES_A_FRAME = 50_000
"""Of a video that nobody has looked into yet: a guess."""
_MOST_OFF = 0.02


@dataclass(frozen=True, slots=True)
class _Original:
    """Attributes: state: what differs once somebody has written to the file."""

    file: DicomFile
    source: SourceFile
    state: tuple[int, int]


def facts_of(path: Path) -> Facts | None:
    """None where it cannot be read."""
    try:
        with opened_dicom(path) as found:
            return found.facts
    except EdgeError:
        return None


def made_of_object(piece: Piece, work: Work, name: str) -> Made:
    """The enhanced object, under this name."""
    original = work.kept((piece.path, piece.content is None), lambda: _opened(piece))
    facts = _facts(original.file.facts, piece)
    make = _video if facts.video else _still
    made = make(piece, work, original, facts, name)
    if _state(piece) != original.state:
        raise InputOutputError(f"{piece.path}: changed while it was read; give it again when it is complete")
    return made


def _still(piece: Piece, work: Work, original: _Original, facts: Facts, name: str) -> Made:
    frame = original.file.frame(piece.page)
    raw = fit_to_frame(frame.image)
    enhanced = work.enhance(raw)
    refuse_flat(str(piece.path), raw, enhanced)
    size_px = frame.image.shape[1], frame.image.shape[0]
    content = io.BytesIO()
    how = _enhancement(piece, work, facts, size_px, piece.page)
    how.still(enhanced).save_as(content, enforce_file_format=True)
    work.did_frame()
    files = (made_content(name, "enhanced", content.getvalue(), is_flat=is_flat(enhanced)),)
    changes = (*frame.changes, "cropped") if is_cropped(*size_px) else frame.changes
    return work.made(original.source, size_px, files, changes, picture=frame.record())


def _video(piece: Piece, work: Work, original: _Original, facts: Facts, name: str) -> Made:
    with _stream_file(piece, work, original.file, facts) as stream_path:
        clip = _as_clip(piece, work, stream_path)
    told = clip.record["clip"]
    (made,) = clip.files
    assert made.path is not None, "a clip lies in a file"
    size_px = clip.record["source"]["width_px"], clip.record["source"]["height_px"]
    warnings = [*clip.warnings, *(f"{piece.path}: {why}" for why in _doubts(facts, told))]
    target = work.scratch / name
    try:
        with writing(target), stream_of(made.path) as stream:
            how = _enhancement(piece, work, facts, size_px, 0)
            DicomObject("enhanced", how.video(stream)).write(target)
    finally:
        made.path.unlink(missing_ok=True)
    sound = () if told["audio"] == "none" else ("sound left out",)
    with writing(target):
        files = (made_at(target, "enhanced", is_flat=made.is_flat),)
    about = {
        **told,
        "frames_promised_by_source": facts.said_frames,
        "audio": "none" if told["audio"] == "none" else "left out",
        "class": facts.sop_class,
    }
    changes = tuple(words for words in clip.changes if words != "sound converted") + sound
    return work.made(original.source, size_px, files, changes, warnings=tuple(warnings), clip=about)


def _opened(piece: Piece) -> _Original:
    """The original, held open."""
    if piece.content is not None:
        file = dicom_from_content(piece.content, str(piece.path))
        found = SourceFile(piece.origin, hashlib.sha256(piece.content).hexdigest(), len(piece.content))
        return _Original(file, found, _state(piece))
    state, file = _state(piece), opened_dicom(piece.path)
    return _Original(file, replace(source_file(piece.path), path=piece.origin), state)


def _state(piece: Piece) -> tuple[int, int]:
    if piece.content is not None:
        return len(piece.content), 0
    try:
        found = piece.path.stat()
    except OSError as error:
        raise InputOutputError(f"{piece.path}: cannot be read: {error.strerror or error}") from error
    return found.st_size, found.st_mtime_ns


def _facts(facts: Facts, piece: Piece) -> Facts:
    """What is known of it, as far as it may be told."""
    if facts.is_enhanced:
        raise PictureRefused(f"{piece.path}: is enhanced already; give its original")
    if piece.options.deidentify is None:
        return facts
    if not piece.options.takes_burned_in:
        refuse_burned_in(facts.kept, str(piece.path))
    return replace(facts, kept=Deidentifier(piece.options.deidentify).kept(facts.kept))


def _enhancement(piece: Piece, work: Work, facts: Facts, size_px: tuple[int, int], frame: int) -> Enhancement:
    record = {
        "program": PROGRAM,
        "program_version": version(PROGRAM),
        "model": work.model,
        "fit": describe_fit(*size_px),
    }
    return Enhancement(facts, frame, record, f"{KEYWORD}: {work.mark}", piece.options.deidentify is None)


@contextlib.contextmanager
def _stream_file(piece: Piece, work: Work, file: DicomFile, facts: Facts) -> Iterator[Path]:
    """The bare stream of a video as a file of its own, for FFmpeg."""
    path = work.scratch / f"{piece.name}{facts.video}"
    try:
        with writing(path), new_file(path) as into:
            file.write_stream(into)
        yield path
    finally:
        path.unlink(missing_ok=True)


def _as_clip(piece: Piece, work: Work, path: Path) -> Made:
    """The stream done as any clip is; what is said of it names the original."""
    try:
        options = replace(piece.options, codec="h264")
        return ClipKind().make(replace(piece, kind="clip", path=path, content=None, options=options), work)
    except EdgeError as error:
        told = str(error).replace(str(path), str(piece.path))
        raise type(error)(told) from error


def _doubts(facts: Facts, told: dict[str, object]) -> Iterator[str]:
    """Where the stream is not what the object says."""
    frames, fps = int(str(told["frames"])), float(str(told["fps"]))
    if frames != facts.said_frames:
        yield f"says that it has {facts.said_frames} frames; its stream has {frames}"
    if abs(fps - facts.fps) > _MOST_OFF * facts.fps:
        yield f"says {float(facts.fps):.2f} frames a second; its stream {fps:.2f}, at which it is enhanced"
