"""Pairs and recordings as the unit and the files mode leave them on the disk, small, with their own writers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from edge.clips.program import find_ffmpeg
from edge.dicom.examination import Examination
from edge.dicom.saved import DicomObject, Equipment, ObjectUids, objects_from_saved
from edge.frames.frame import Frame
from edge.pictures.image import Image, Mode
from edge.pictures.marks import mark_text, png_bytes
from edge.saving.recording.record import ENDED, About, Changes, ClipFile, record_bytes
from edge.saving.sidecar import LiveSource, Result, SourceFile, saved_content, saved_file, sidecar_bytes

TAKEN_AT = datetime(2026, 5, 4, 3, 2, 1, 678_000, timezone.utc)
MODEL = {"name": "student", "profile": "live", "version": "3", "sha256": "ab" * 32, "device": "CPU"}
UNIT = Equipment("ACME Optics", "Throat camera", "4711", "1.2.3", "ENT-ROOM-2")
FRAGMENTS = ("-movflags", "frag_keyframe+empty_moov+default_base_moof")
AS_RECORDED = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "20", "-bf", "0", "-g", "10", "-pix_fmt", "yuv420p")


@dataclass(frozen=True)
class SavedItem:
    """Attributes: images: of a pair, as they were shown."""

    record: dict[str, Any]
    files: dict[Mode, Path]
    images: dict[Mode, Image]

    def objects(self, uids: ObjectUids | None = None) -> list[DicomObject]:
        """Of a pair; those of a recording are gone with their turn."""
        return list(objects_from_saved(self.record, self.files, uids or ObjectUids.new(), UNIT))

    def written(self, folder: Path, uids: ObjectUids | None = None, step: str = "") -> list[Path]:
        paths = []
        made = objects_from_saved(self.record, self.files, uids or ObjectUids.new(), UNIT, step=step)
        for number, one in enumerate(made):
            paths.append(folder / f"{number}-{one.view}.dcm")
            one.write(paths[-1])
        return paths


def session_of(examination: Examination | None) -> dict[str, Any]:
    about = {} if examination is None else {"examination": examination.record()}
    return {"id": "5e55", "label": "shown", **about}


def saved_pair(
    folder: Path,
    examination: Examination | None = None,
    *,
    strength: float = 1.0,
    model: Mapping[str, str] | None = None,
    source: SourceFile | LiveSource | None = None,
    source_size_px: tuple[int, int] = (1920, 1080),
    picture: Mapping[str, Any] | None = None,
    views: tuple[Mode, ...] = ("raw", "enhanced"),
    image_size_px: tuple[int, int] = (95, 53),
) -> SavedItem:
    width_px, height_px = image_size_px
    raw = np.random.default_rng(5).integers(0, 256, (height_px, width_px, 3), np.uint8)
    all_images: dict[Mode, Image] = {"raw": raw, "enhanced": 255 - raw}
    images = {view: all_images[view] for view in views}
    made = dict(model or MODEL)
    files: dict[Mode, Path] = {}
    told = []
    for view, image in images.items():
        path = folder / f"throat-20260504T030201.678Z-{view}.png"
        content = png_bytes(image, mark_text(view, made["profile"], made["sha256"], strength))
        path.write_bytes(content)
        files[view] = path
        told.append(saved_content(path, view, content))
    mode: Mode = "enhanced" if "enhanced" in views else "raw"
    result = Result(
        source or LiveSource("demo:", 7, TAKEN_AT),
        source_size_px,
        made,
        tuple(told),
        {},
        mode=mode,
        strength=strength,
        picture=picture,
        session=session_of(examination) if examination is not None else None,
    )
    return SavedItem(json.loads(sidecar_bytes(result)), files, images)


def saved_recording(
    folder: Path,
    examination: Examination | None = None,
    *,
    views: tuple[Mode, ...] = ("raw", "enhanced"),
    seconds: float = 1.0,
    coding: tuple[str, ...] = AS_RECORDED,
    size: str = "320x180",
    changes: Mapping[float, Frame] | None = None,
) -> SavedItem:
    files: dict[Mode, Path] = {}
    told = []
    for view, drawn in (("raw", "testsrc2"), ("enhanced", "testsrc")):
        if view not in views:
            continue
        path = folder / f"throat-20260504T030201.678Z-recording-{view}.mp4"
        write_clip(path, f"{drawn}=size={size}:rate=25:duration={seconds}", coding)
        files[view] = path  # type: ignore[index]
        facts = saved_file(path, view)  # type: ignore[arg-type]
        num_frames = round(seconds * 25)
        told.append(ClipFile(path.name, facts.mode, facts.num_bytes, num_frames, seconds, facts.sha256))
    about = About(TAKEN_AT, "demo:", "H.264", (320, 180), MODEL, session_of(examination) if examination else None)
    noted = Changes()
    for at_s, frame in (changes or {0.0: frame_of()}).items():
        noted.see(frame, at_s)
    record = json.loads(record_bytes(about, told, ENDED, ended="on request", changes=noted.entries()))
    return SavedItem(record, files, {})


def frame_of(strength: float = 1.0, model: Mapping[str, str] | None = None) -> Frame:
    """A frame that was enhanced."""
    made = dict(model or MODEL)
    raw = Frame(np.zeros((2, 2, 3), np.uint8), 1, 1)
    return raw.enhanced(raw.image, made["profile"], {}, strength, made)


def write_clip(path: Path, drawn: str, coding: tuple[str, ...]) -> None:
    asked = [find_ffmpeg().path, "-v", "error", "-y", "-f", "lavfi", "-i", drawn, *coding, *FRAGMENTS, str(path)]
    subprocess.run(asked, check=True, timeout=120)
