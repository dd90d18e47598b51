"""A recorded view as Video Endoscopic Image Storage: H.264 as the transfer syntax has it, in parts where it is long."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate_buffer
from pydicom.tag import Tag
from pydicom.uid import VideoEndoscopicImageStorage

from edge.dicom.loss import loss_of_recording
from edge.dicom.origin import Origin
from edge.dicom.video.stream import Cut, Stream, cuts_of, stream_of

_FRAME_TIME = Tag("FrameTime")


def recording_datasets(origin: Origin, path: Path) -> Iterator[Dataset]:
    """The whole object, or one for each part; its stream is there until the next one is asked for.

    Raises:
        NoObject: the record lacks something.
        InputOutputError: the clip cannot be read or copied.
        OSError: the same.
    """
    cuts: list[Cut | None] = [*cuts_of(path)] or [None]
    for number, cut in enumerate(cuts, 1):
        part = replace(origin, uid=part_uid(origin.uid, number), part=(number, len(cuts)))
        with stream_of(path, cut) as stream:
            yield _dataset(replace(part, begin_s=stream.begin_s), stream)


def part_uid(uid: str, number: int) -> str:
    """The first part has the recording's own; those of the others follow from it, however often they are made."""
    if number == 1:
        return uid
    return f"2.25.{uuid.UUID(bytes=hashlib.sha256(f'{uid}/{number}'.encode()).digest()[:16], version=4).int}"


def _dataset(origin: Origin, stream: Stream) -> Dataset:
    made = origin.dataset(VideoEndoscopicImageStorage, stream.transfer_syntax)
    samples = stream.width_px * stream.height_px * 3 * stream.num_frames
    loss_of_recording(samples, stream.num_bytes).add_to(made)
    made.Rows, made.Columns, made.NumberOfFrames = stream.height_px, stream.width_px, stream.num_frames
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PlanarConfiguration = 3, "YBR_PARTIAL_420", 0
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 8, 8, 7, 0
    made.FrameIncrementPointer = _FRAME_TIME
    made.FrameTime = f"{1000 * stream.duration_s / stream.num_frames:.6f}"
    rate = max(1, round(stream.num_frames / stream.duration_s))
    made.CineRate = made.RecommendedDisplayFrameRate = rate
    made.EffectiveDuration = f"{stream.duration_s:.3f}"
    made.PixelData = encapsulate_buffer([stream.file])
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    return made
