"""A recorded view as Video Endoscopic Image Storage: H.264 as the transfer syntax has it, in parts where it is long."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate_buffer
from pydicom.tag import Tag
from pydicom.uid import VideoEndoscopicImageStorage

from edge.dicom.loss import loss_of_recording
from edge.dicom.origin import NoObject, Origin, is_recording
from edge.dicom.video.stream import Stream, cuts_of, stream_of

MAX_PART_BYTES = 1 << 30
"""From how many on a recording is sent in parts: archives and networks take less than the standard does."""
_FRAME_TIME = Tag("FrameTime")


def recording_datasets(origin: Origin, path: Path, wanted: Container[str] | None) -> Iterator[Dataset]:
    """The whole object, or one for each part; its stream is there until the next one is asked for.

    Raises:
        NoObject: the record lacks something.
        InputOutputError: the clip cannot be read or copied.
        OSError: the same.
    """
    num_parts = num_parts_of(origin.record)
    parts = [origin.of_part(number, num_parts) for number in range(1, num_parts + 1)]
    if wanted is not None and not any(part.uid in wanted for part in parts):
        return
    cuts = [None] if num_parts == 1 else cuts_of(path, num_parts, duration_of(origin.record))
    for part, cut in zip(parts, cuts, strict=True):
        if wanted is None or part.uid in wanted:
            with stream_of(path, cut) as stream:
                yield _dataset(replace(part, begin_s=stream.begin_s), stream)


def num_parts_of(record: Mapping[str, Any]) -> int:
    """In how many parts something is sent: one, or for a recording as many as its larger view asks for.

    Raises:
        NoObject: the record does not tell.
    """
    if not is_recording(record):
        return 1
    try:
        return max(1, -(-max(int(file["bytes"]) for file in record["output"]["files"]) // MAX_PART_BYTES))
    except (KeyError, TypeError, ValueError) as error:
        raise NoObject("the record of a recording: output.files: expected the bytes of each") from error


def duration_of(record: Mapping[str, Any]) -> float:
    """Raises NoObject."""
    try:
        return float(record["clip"]["duration_s"])
    except (KeyError, TypeError, ValueError) as error:
        raise NoObject("the record of a recording: clip.duration_s: expected its seconds") from error


def _dataset(origin: Origin, stream: Stream) -> Dataset:
    made = origin.dataset(VideoEndoscopicImageStorage, stream.transfer_syntax)
    add_stream(made, stream)
    return made


def add_stream(made: Dataset, stream: Stream) -> None:
    """A clip in H.264; its stream is read when the object is written."""
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
    made.PixelData = encapsulate_buffer([stream.file], has_bot=False)  # the clip tells where its frames are
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
