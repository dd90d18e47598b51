"""The JSON beside each enhanced file: what it was made of, by what, and what was done to it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from edge.basics.errors import InputOutputError
from edge.basics.folders import read_plain
from edge.basics.hiding import without_secrets
from edge.basics.secrets import shown_uri
from edge.basics.texts import json_from_text
from edge.basics.whole_files import file_sha256
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_WIDTH_PX
from edge.pictures.image import Mode

PROGRAM = "edge-enhance"
MAX_BYTES = 1 << 20
"""Of a sidecar that is read; they have 2 kB."""


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A file that belongs to the result.

    Attributes:
        mode: whether its pixels are the network's or the camera's.
        is_flat: whether it is of one colour, as its original is.
    """

    name: str
    mode: Mode
    num_bytes: int
    sha256: str
    is_flat: bool = False

    def record(self) -> dict[str, Any]:
        about = {"name": self.name, "mode": self.mode, "bytes": self.num_bytes, "sha256": self.sha256}
        return {**about, **({"flat": True} if self.is_flat else {})}


def saved_file(path: Path, mode: Mode) -> SavedFile:
    """Describe a file on disk."""
    return SavedFile(path.name, mode, path.stat().st_size, file_sha256(path))


def saved_content(path: Path, mode: Mode, content: bytes) -> SavedFile:
    """Describe a file that has or will have this content."""
    return SavedFile(path.name, mode, len(content), hashlib.sha256(content).hexdigest())


@dataclass(frozen=True, slots=True)
class SourceFile:
    """An original: where it lay, and how to know it again elsewhere."""

    path: Path
    sha256: str
    num_bytes: int

    def record(self, width_px: int, height_px: int) -> dict[str, Any]:
        source = {"path": str(self.path), "sha256": self.sha256, "bytes": self.num_bytes}
        return {
            "source": {**source, "width_px": width_px, "height_px": height_px},
            "fit": describe_fit(width_px, height_px),
        }


@dataclass(frozen=True, slots=True)
class LiveSource:
    """A moment of a live source, whose picture came at 1920x1080.

    Attributes:
        uri: written without what is secret in it.
        taken_at: when the camera took it, UTC.
        picture: what size the camera gave and how that was made 16:9, as `/health` tells it; None where nobody says.
        granted: how the camera gives its pictures, as `/health` tells it: whether they came without loss.
    """

    uri: str
    seq: int
    taken_at: datetime
    picture: Mapping[str, Any] | None = None
    granted: str = ""

    def record(self, width_px: int, height_px: int) -> dict[str, Any]:
        taken_at = self.taken_at.isoformat(timespec="milliseconds")
        picture = {"picture": dict(self.picture)} if self.picture else {}
        uri = without_secrets(shown_uri(self.uri))
        granted = {"granted": without_secrets(self.granted)} if self.granted else {}
        return {"source": {"uri": uri, "seq": self.seq, "taken_at": taken_at, **granted, **picture}}


def sidecar_path(enhanced: Path) -> Path:
    """`throat-enhanced.png` -> `throat-enhanced.png.json`."""
    return enhanced.with_name(f"{enhanced.name}.json")


def describe_fit(width_px: int, height_px: int) -> str:
    """What `edge.pictures.geometry.fit_to_frame` does to a picture of this size."""
    if (width_px, height_px) == (FRAME_WIDTH_PX, FRAME_HEIGHT_PX):
        return "as is"
    return "resized" if width_px * 9 == height_px * 16 else "cropped to 16:9 and resized"


def source_file(path: Path) -> SourceFile:
    """Hash an original.

    Raises:
        InputOutputError: it cannot be read.
    """
    try:
        return SourceFile(path.resolve(), file_sha256(path), path.stat().st_size)
    except OSError as error:
        raise InputOutputError(f"{path}: cannot be read: {error.strerror or error}") from error


@dataclass(frozen=True, slots=True)
class Result:
    """What a sidecar tells.

    Attributes:
        source_size_px: width and height of the original.
        model: from `model_record`.
        files: all that was written for this source.
        stage_ms: name of an engine's part -> median milliseconds a frame; None, and no time of making either, where
            the same original shall give the same bytes again.
        clip: what only a clip has: frames, fps, codec, audio.
        picture: what only a picture file has: its format, and what was done to it.
        mode: raw where nothing could be enhanced.
        strength: share of the enhancement that was shown; said where it is not all.
        unit_state: what only a unit has: its temperatures, clocks, power and power mode at that time.
        session: patient session that was open, as `PatientSession.now` tells it.
        changes: what was done beside the enhancement, in words.
    """

    source: SourceFile | LiveSource
    source_size_px: tuple[int, int]
    model: Mapping[str, Any]
    files: tuple[SavedFile, ...]
    stage_ms: Mapping[str, float] | None
    clip: Mapping[str, Any] | None = None
    mode: Mode = "enhanced"
    strength: float = 1.0
    unit_state: Mapping[str, Any] | None = None
    picture: Mapping[str, Any] | None = None
    session: Mapping[str, Any] | None = None
    changes: tuple[str, ...] = ()


def sidecar_bytes(result: Result) -> bytes:
    """The content of the file: JSON, UTF-8."""
    return record_bytes(sidecar_record(result))


def sidecar_record(result: Result) -> dict[str, Any]:
    width_px, height_px = result.source_size_px
    files = [file.record() for file in result.files]
    stage_ms = result.stage_ms
    made_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return {
        "program": PROGRAM,
        "program_version": version(PROGRAM),
        **({"made_at": made_at} if stage_ms is not None else {}),
        "mode": result.mode,
        **({"strength": round(result.strength, 3)} if result.mode == "enhanced" and result.strength < 1 else {}),
        "model": dict(result.model),
        **result.source.record(width_px, height_px),
        **({"session": dict(result.session)} if result.session else {}),
        "output": {"width_px": FRAME_WIDTH_PX, "height_px": FRAME_HEIGHT_PX, "files": files},
        **({"clip": dict(result.clip)} if result.clip else {}),
        **({"picture": dict(result.picture)} if result.picture else {}),
        **({"unit_state": dict(result.unit_state)} if result.unit_state else {}),
        **({"changes": list(result.changes)} if result.changes else {}),
        **({"stage_ms": {name: round(ms, 2) for name, ms in stage_ms.items()}} if stage_ms is not None else {}),
    }


def record_bytes(record: Mapping[str, Any]) -> bytes:
    return (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def is_complete(sidecar: Path, source_sha256: str, model_sha256: str) -> bool:
    """Whether a sidecar tells of this source and this model, and its files are there in full size."""
    try:
        return is_of(read_plain(sidecar, MAX_BYTES), sidecar.parent, source_sha256, model_sha256)
    except OSError:
        return False


def is_of(content: bytes, folder: Path, source_sha256: str, model_sha256: str) -> bool:
    """As `is_complete`, of what is in a sidecar of this folder."""
    try:
        record = json_from_text(content)
        same = (record["source"]["sha256"], record["model"]["sha256"]) == (source_sha256, model_sha256)
        files = [(folder / file["name"], file["bytes"]) for file in record["output"]["files"]]
        return same and bool(files) and all(path.stat().st_size == size for path, size in files)
    except (OSError, ValueError, KeyError, TypeError):
        return False
