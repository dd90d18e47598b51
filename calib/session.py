"""A capture session: a folder with lossless frames and `session.json`, which names each with its sha256."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from edge.basics.errors import InputOutputError, UsageError
from edge.basics.folders import read_plain
from edge.basics.whole_files import PRIVATE_FILE, PRIVATE_FOLDER, make_folder, remove_file, write_whole
from edge.pictures.files import read_picture
from edge.pictures.image import Image
from edge.pictures.marks import mark_text, png_bytes

RECORD_NAME = "session.json"
FORMAT = 1
MAX_RECORD_BYTES, MAX_FILE_BYTES = 16 << 20, 256 << 20
_AGAIN = "capture the session again"
TARGETS = ("dark", "flat", "white", "chart", "lens", "scenes")


def tool_version() -> str:
    return f"edge-calib {version('edge-enhance')}"


@dataclass(frozen=True)
class SavedFrame:
    """One frame of a session.

    Attributes:
        about: what the shutter knew of it, such as its perceptual hash.
    """

    file: str
    sha256: str
    taken_at: str
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Session:
    """What `session.json` tells.

    Attributes:
        target: one of `TARGETS`; purpose: `int8` for a calibration set of the engine build, else empty.
        wanted: frames of a complete session.
        controls: the camera's settings as its driver named them.
        firmware: status of the camera's microcontroller; None where no bridge is configured.
    """

    folder: Path
    target: str
    purpose: str
    unit: str
    source: str
    camera_mode: str
    wanted: int
    controls: Mapping[str, float]
    firmware: Mapping[str, Any] | None
    started_at: str
    frames: tuple[SavedFrame, ...] = ()

    @property
    def complete(self) -> bool:
        return len(self.frames) >= self.wanted

    def record(self) -> bytes:
        """The content of `session.json`."""
        kept = {
            "format": FORMAT,
            "tool": tool_version(),
            "target": self.target,
            "purpose": self.purpose,
            "unit": self.unit,
            "source": self.source,
            "camera_mode": self.camera_mode,
            "wanted": self.wanted,
            "complete": self.complete,
            "controls": dict(self.controls),
            "firmware": self.firmware,
            "started_at": self.started_at,
            "frames": [
                {"file": f.file, "sha256": f.sha256, "taken_at": f.taken_at, **({"about": f.about} if f.about else {})}
                for f in self.frames
            ],
        }
        return (json.dumps(kept, indent=2, ensure_ascii=False) + "\n").encode()

    def images(self) -> Iterator[tuple[SavedFrame, Image]]:
        """Each frame in turn, its hash checked.

        Raises:
            InputOutputError: a frame is missing, altered or of another size than the first.
        """
        size: tuple[int, ...] | None = None
        for frame in self.frames:
            path = self.folder / frame.file
            try:
                content = read_plain(path, MAX_FILE_BYTES)
            except OSError as error:
                raise InputOutputError(
                    f"{path}: cannot be read ({error.strerror}); capture the session again"
                ) from error
            found = hashlib.sha256(content).hexdigest()
            if found != frame.sha256:
                raise InputOutputError(
                    f"{path}: sha256 is {found[:12]}…, {RECORD_NAME} says {frame.sha256[:12]}…; {_AGAIN}"
                )
            image = read_picture(path)
            if size is not None and image.shape != size:
                raise InputOutputError(
                    f"{path}: is {image.shape[1]}x{image.shape[0]}, the frames before it are {size[1]}x{size[0]}; "
                    "one session has one size: capture it again"
                )
            size = image.shape
            yield frame, image


def read_session(folder: Path) -> Session:
    """Read `session.json`; frames are read by `Session.images`.

    Raises:
        InputOutputError: there is none, or it is damaged.
    """
    path = folder / RECORD_NAME
    try:
        record = json.loads(read_plain(path, MAX_RECORD_BYTES))
        frames = tuple(SavedFrame(f["file"], f["sha256"], f["taken_at"], f.get("about", {})) for f in record["frames"])
        if any(Path(frame.file).name != frame.file for frame in frames):
            raise ValueError("a frame that lies elsewhere")
        if record["format"] != FORMAT or record["target"] not in TARGETS:
            raise ValueError(f"format {record['format']!r}, target {record['target']!r}")
        names = ("target", "purpose", "unit", "source", "camera_mode", "wanted", "controls", "firmware", "started_at")
        return Session(folder, **{name: record[name] for name in names}, frames=frames)
    except OSError as error:
        raise InputOutputError(
            f"{path}: cannot be read ({error.strerror}); expected a folder made by edge-calib capture"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputOutputError(f"{path}: not a session of this program ({error}); capture it again") from error


class SessionWriter:
    """Adds frames to a session; what is on disk is at every moment a whole session that can go on."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def begin(self) -> None:
        """Make the folder and the first record."""
        with _writing(self.session.folder):
            make_folder(self.session.folder, PRIVATE_FOLDER)
            write_whole(self.session.folder / RECORD_NAME, self.session.record(), PRIVATE_FILE)

    def add(self, image: Image, about: Mapping[str, Any]) -> None:
        """Write a frame, then the record that names it.

        Raises:
            InputOutputError: the disk is full or cannot be written; the session stays as it was.
        """
        session = self.session
        path = self._free_path()
        content = png_bytes(image, mark_text("raw"))
        taken_at = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        frame = SavedFrame(path.name, hashlib.sha256(content).hexdigest(), taken_at, about)
        grown = replace(session, frames=(*session.frames, frame))
        with _writing(path):
            write_whole(path, content, PRIVATE_FILE)
            try:
                write_whole(session.folder / RECORD_NAME, grown.record(), PRIVATE_FILE)
            except OSError:
                remove_file(path)
                raise
        self.session = grown

    def _free_path(self) -> Path:
        """The next name that no file has; one that a power cut left without a record is passed over."""
        number = len(self.session.frames)
        while (path := self.session.folder / f"{self.session.target}-{number:03}.png").exists():
            number += 1
        return path


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputOutputError(
            f"{path}: cannot be written ({error.strerror or error}); what was taken is kept: make room and "
            "run the same command again"
        ) from error


def opened_session(wanted: Session) -> SessionWriter:
    """Begin a session, or go on with the one that its folder holds.

    Raises:
        UsageError: the folder holds another or a complete session, or files of something else.
    """
    folder = wanted.folder
    if not (folder / RECORD_NAME).exists():
        if folder.exists() and any(folder.iterdir()):
            raise UsageError(f"{folder}: is not empty and holds no {RECORD_NAME}; choose another folder with -o")
        writer = SessionWriter(wanted)
        writer.begin()
        return writer
    found = read_session(folder)
    for name in ("target", "purpose", "unit", "camera_mode"):
        here, asked = getattr(found, name), getattr(wanted, name)
        if here != asked:
            raise UsageError(f"{folder}: holds a session with {name} {here!r}, not {asked!r}; choose another with -o")
    if found.complete:
        raise UsageError(f"{folder}: holds a complete session of {found.target}; nothing is overwritten: choose "
                         "another with -o")  # fmt: skip
    return SessionWriter(found)
