"""Whether a picture has ever been compressed with loss, as far as its record tells."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

NEVER, ONCE = "00", "01"
JPEG, H264, HEVC = "ISO_10918_1", "ISO_14496_10", "ISO_23008_2"
_CODED: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b(M?JPE?G|MJPG)\b", re.IGNORECASE), JPEG),
    (re.compile(r"\b(H\.?264|AVC1?)\b", re.IGNORECASE), H264),
    (re.compile(r"\b(H\.?265|HEVC)\b", re.IGNORECASE), HEVC),
)
_PLAIN = re.compile(r"\b(YUYV|YUY2|UYVY|NV12|NV21|YU12|YV12|I420|RGB3?|BGR3?|GREY|RGBx|BGRx|GRAY8)\b", re.IGNORECASE)
_LOSSY_FILES = {"JPEG": JPEG, "HEIC": HEVC}


@dataclass(frozen=True, slots=True)
class Loss:
    """Attributes:
    compressed: 01: with loss; 00: never; "": nobody knows (PS3.3 C.8.12.1: it may be empty).
    method: of that loss; "" where it is not known.
    ratio: 0 where it is not known.
    """

    compressed: str
    method: str = ""
    ratio: float = 0.0

    def add_to(self, made: Dataset) -> None:
        made.LossyImageCompression = self.compressed
        if self.method:
            made.LossyImageCompressionMethod = self.method
        if self.ratio:
            made.LossyImageCompressionRatio = f"{self.ratio:.2f}"


def loss_of_still(record: Mapping[str, Any]) -> Loss:
    """Of a saved picture: the unit's own files are lossless, what gave the picture may not have been.

    A camera's way is told by what it granted; a file by its format, of which only those are taken at their word that
    cannot be without loss. A picture that came without loss may have been compressed before: nobody knows.
    """
    source = record["source"]
    if "path" in source:
        method = _LOSSY_FILES.get(str((record.get("picture") or {}).get("format", "")))
        if method is None:
            return Loss("")
        num_bytes, samples = int(source["bytes"]), int(source["width_px"]) * int(source["height_px"]) * 3
        pages = int((record.get("picture") or {}).get("pages", 1))
        return Loss(ONCE, method, samples / num_bytes if num_bytes > 0 and pages == 1 else 0.0)
    granted, uri = str(source.get("granted", "")), str(source.get("uri", ""))
    for coded, method in _CODED:
        if coded.search(granted):
            return Loss(ONCE, method)
    if uri.startswith("rtsp"):
        return Loss(ONCE)
    if uri.startswith("http"):
        return Loss(ONCE, JPEG)
    is_plain = uri.startswith("demo:") or (_PLAIN.search(granted) and not uri.startswith("gst:"))
    return Loss(NEVER if is_plain else "")  # what a pipeline gives is plain whatever came into it


def loss_of_recording(samples: int, num_bytes: int) -> Loss:
    """Of H.264: what the frames have as plain pixels, against what they take (the loss of the camera's way unknown)."""
    return Loss(ONCE, H264, samples / num_bytes)
