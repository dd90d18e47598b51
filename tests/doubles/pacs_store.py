"""A store with pairs of patient sessions in it, as the unit saves them: small pictures, whole records."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.config import SaveConfig
from edge.dicom.examination import Examination, Patient
from edge.health.news import Board
from edge.saving.store import Store

BEGAN = datetime(2026, 5, 4, 8, 0, tzinfo=timezone.utc)
SECRET = "Müllerin^Annegret"
"""A name that must be seen nowhere but in the PACS."""


def examination(number: int = 0) -> Examination:
    patient = Patient(SECRET, f"ID-{number}", birth_date="19700102", sex="F")
    return Examination(patient, study_uid=f"1.2.826.0.1.{number + 1}", accession_number=f"A{number}")


def session(number: int = 0) -> dict[str, Any]:
    """As a record has it."""
    return {"id": f"{number:012x}", "label": "Müllerin, Annegret", "examination": examination(number).record()}


def add_pair(
    folder: Path, number: int, of: Mapping[str, Any] | None = None, *, enhanced: bool = True, size: int = 32
) -> str:
    """Save one; its name.

    Args:
        of: the session's record; None: of none.
        enhanced: whether there is an enhanced picture.
    """
    folder.mkdir(parents=True, exist_ok=True)
    taken_at = BEGAN + timedelta(seconds=number)
    item = f"throat-{taken_at:%Y%m%dT%H%M%S}.{taken_at.microsecond // 1000:03d}Z-{number:06d}"
    noise = np.random.default_rng(number)
    files = []
    views = ("raw", "enhanced") if enhanced else ("raw",)
    for view in views:
        picture = cv2.imencode(".png", noise.integers(0, 256, (size, size * 2, 3), np.uint8))[1].tobytes()
        path = folder / f"{item}-{view}.png"
        path.write_bytes(picture)
        digest = hashlib.sha256(picture).hexdigest()
        files.append({"name": path.name, "mode": view, "bytes": len(picture), "sha256": digest})
    record = {
        "program": "edge-enhance",
        "program_version": "1.2.3",
        "made_at": (taken_at + timedelta(seconds=1)).isoformat(timespec="seconds"),
        "mode": views[-1],
        "model": {"profile": "live", "sha256": "ab" * 32, "device": "cpu", "name": "live", "version": "1"},
        "source": {"uri": "demo:", "seq": number, "taken_at": taken_at.isoformat(timespec="milliseconds")},
        **({"session": dict(of)} if of is not None else {}),
        "output": {"width_px": size * 2, "height_px": size, "files": files},
        "stage_ms": {},
    }
    (folder / f"{item}-{views[-1]}.png.json").write_text(json.dumps(record, ensure_ascii=False))
    return item


def pixels(folder: Path, item: str, view: str) -> np.ndarray:
    """RGB, as stored."""
    return np.asarray(cv2.imread(str(folder / f"{item}-{view}.png"))[:, :, ::-1])


def store_of(folder: Path, board: Board | None = None) -> Store:
    return Store(SaveConfig(folder=str(folder)), board or Board())
