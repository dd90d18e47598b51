"""What `edge.dicom.reading.process` starts: loads what reads DICOM, gives up all else, and reads file after file.

It is handed each file open, and reaches no other: by Landlock no path, by seccomp no network, program or other process.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import json
import os
import resource
import socket
import struct
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import pydicom.config
import pyvips
from PIL import ImageCms  # noqa: F401 - loaded while it can be
from pydicom.charset import python_encoding

from edge.confining.calls import PROGRAMS, WRITING_OPENS, refused_to_all, refused_without_devices
from edge.confining.landlock import Reach, restrict_files
from edge.confining.seccomp import Refused as RefusedCall
from edge.confining.seccomp import forbid_new_privileges, refuse_calls
from edge.dicom.reading.frames import content_of
from edge.dicom.reading.header import Object, opened
from edge.dicom.reading.pixels import frame_of
from edge.pictures.reading.refusals import Damaged, Refused

HEAD = struct.Struct("<IQ")
"""Before each answer: bytes of its JSON, and of what follows that."""
ORDER = struct.Struct("<I")
OOM_SCORE = 1000
NUM_FILES = 64
SPARE_BYTES = 2 << 30
"""Of addresses that no memory stands behind: libraries, stacks."""
_COMPLAINT_BYTES = 1 << 16


def main(argv: Sequence[str]) -> int:
    limits = json.loads(argv[0])
    line = socket.socket(fileno=os.dup(0))
    os.dup2(1, 0)
    _load()
    complaints = _complaints()
    not_held = _held(limits["memory_bytes"])
    _say(line, {"not_held": not_held})
    reader = _Reader(complaints, limits["inflated_bytes"])
    while (order := _order(line)) is not None:
        _limit_time(limits["cpu_s"])
        _answer(line, reader, *order, limits)
    return 0


class _Reader:
    """The object that is open."""

    def __init__(self, complaints: Callable[[], bytes], inflated_bytes: int) -> None:
        self._complaints, self._inflated_bytes = complaints, inflated_bytes
        self._open: Object | None = None
        self._file: BinaryIO | None = None

    def facts(self, descriptor: int) -> Mapping[str, Any]:
        self.close()
        self._file = _Bounded(io.FileIO(descriptor, "rb"))
        self._open = opened(self._file, self._inflated_bytes)
        return self._open.facts()

    def frame(self, number: int) -> tuple[Mapping[str, Any], list[memoryview]]:
        assert self._open is not None, "it is asked for an open object's"
        found = frame_of(self._open, number, self._complaints)
        height_px, width_px = found.image.shape[:2]
        about = {"size_px": [width_px, height_px], "colour": found.colour, "done": list(found.done)}
        return about, [found.image.data.cast("B")]

    def stream(self) -> tuple[Mapping[str, Any], int, Iterator[bytes]]:
        assert self._open is not None, "it is asked for an open object's"
        found = self._open
        places = found.frames[0]
        return {}, sum(place.num_bytes for place in places), (content_of(found.file, [place]) for place in places)

    def close(self) -> None:
        self._open = None
        if self._file is not None:
            self._file.close()
            self._file = None


class _Bounded(io.BufferedReader):
    """A file whose reader takes no more memory than there is to read, whatever length a damaged element tells."""

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, os.fstat(self.fileno()).st_size - self.tell())
        return super().read(left if size is None or size < 0 else min(size, left))


def _answer(
    line: socket.socket, reader: _Reader, order: Mapping[str, Any], descriptor: int | None, limits: Mapping[str, Any]
) -> None:
    try:
        if order["ask"] == "facts":
            assert descriptor is not None, "it comes with the order"
            _say(line, reader.facts(descriptor))
        elif order["ask"] == "frame":
            about, parts = reader.frame(order["number"])
            _say(line, about, sum(len(part) for part in parts), parts)
        else:
            _say(line, *reader.stream())
    except Damaged as error:
        _say(line, {"damaged": str(error)})
    except Refused as error:
        _say(line, {"refused": str(error)})
    except MemoryError:
        _say(line, {"refused": f"it takes more than {limits['memory_bytes'] >> 20} MiB of memory"})
    except OSError as error:
        _say(line, {"damaged": f"it cannot be read ({error.strerror or type(error).__name__})"})
    except Exception as error:  # noqa: BLE001 - whatever a library raises over a stranger's file; its text may name a patient
        _say(line, {"damaged": f"it cannot be read ({type(error).__name__})"})


def _say(line: socket.socket, about: Mapping[str, Any], num_bytes: int = 0, parts: Any = ()) -> None:
    text = json.dumps(about).encode()
    line.sendall(HEAD.pack(len(text), num_bytes) + text)
    for part in parts:
        line.sendall(part)


def _order(line: socket.socket) -> tuple[Mapping[str, Any], int | None] | None:
    """The next, and the file that comes with it; None where nobody asks any more."""
    head, descriptors, _, _ = socket.recv_fds(line, ORDER.size, 1)
    if len(head) < ORDER.size:
        return None
    (size,) = ORDER.unpack(head)
    text = b""
    while len(text) < size:
        more = line.recv(size - len(text))
        if not more:
            return None
        text += more
    return json.loads(text), descriptors[0] if descriptors else None


def _load() -> None:
    """What is looked for only when it is needed, and could not be found any more by then."""
    for name in {*python_encoding.values(), "iso8859", "ascii", "utf-8", "latin-1"}:
        codecs.lookup(name)
    warnings.simplefilter("ignore")
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    pyvips.cache_set_max(0)
    cv2.setNumThreads(1)


def _complaints() -> Callable[[], bytes]:
    """Turns stderr, where C libraries say what they made up for, into what can be asked for here."""
    reads, writes = os.pipe()
    os.set_blocking(reads, False)
    os.set_blocking(writes, False)  # what does not fit is lost; nobody waits for it
    for number in (1, 2):
        os.dup2(writes, number)
    os.close(writes)

    def asked() -> bytes:
        found = b""
        with contextlib.suppress(BlockingIOError):
            while more := os.read(reads, _COMPLAINT_BYTES):
                found += more
        return found

    return asked


def _held(memory_bytes: int) -> list[str]:
    """Take from this process all that it does not need; what could not be taken, in words."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(f"{OOM_SCORE}\n", encoding="ascii")
    for limit, most in (
        (resource.RLIMIT_CORE, 0),  # it would hold patients' pictures
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, NUM_FILES),
        (resource.RLIMIT_DATA, memory_bytes),
        (resource.RLIMIT_AS, memory_bytes + SPARE_BYTES),
    ):
        hard = resource.getrlimit(limit)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (value, value))
    if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208 - names alone
        raise RuntimeError("what was loaded left threads behind, which Landlock does not hold")
    missing, myself = [], os.getpid()
    try:
        forbid_new_privileges()
        restrict_files(Reach(()))
    except OSError as error:
        missing.append(f"files: {error.strerror}")
    programs = (RefusedCall(call) for call in PROGRAMS)
    try:
        refuse_calls((*programs, *refused_to_all(myself), *refused_without_devices(myself), *WRITING_OPENS))
    except OSError as error:
        missing.append(f"network, programs and other processes: {error.strerror}")
    return missing


def _limit_time(cpu_s: int) -> None:
    """What it is asked may take so much of the processor, and the process ends where it takes more."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    most = round(used.ru_utime + used.ru_stime) + 1 + cpu_s
    resource.setrlimit(resource.RLIMIT_CPU, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
