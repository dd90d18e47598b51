"""The data set of a file, and where its pixels begin. Runs in the confined process alone."""

from __future__ import annotations

import io
import zlib
from typing import BinaryIO

from pydicom.dataset import Dataset, FileDataset
from pydicom.filereader import read_dataset, read_partial

from edge.dicom.reading import classes
from edge.pictures.reading.refusals import Damaged, Refused

_AT_ONCE_BYTES = 1 << 20
_PREAMBLE = 132
_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})


def read_data_set(file: BinaryIO, most_inflated_bytes: int) -> tuple[FileDataset | Dataset, BinaryIO, str]:
    """The data set, the file at its pixels' element, and the transfer syntax."""
    file.seek(0)
    is_deflated = False
    has_preamble = file.read(_PREAMBLE)[128:] == b"DICM"
    file.seek(0)
    if has_preamble:
        file.seek(_PREAMBLE)
        meta = read_dataset(file, False, True, stop_when=_is_beyond_meta)
        is_deflated = str(meta.get("TransferSyntaxUID", "") or "").strip(" \0") == classes.DEFLATED
        if is_deflated:
            file = _inflated(file, file.tell(), most_inflated_bytes)
        file.seek(0)
    try:
        dataset = read_partial(file, stop_when=_at_pixels, defer_size=None, force=True)
    except EOFError:
        raise Damaged("cut short before its pixels") from None
    said = str(dataset.file_meta.get("TransferSyntaxUID", "") or "")
    if not said:  # pydicom has looked at the first element
        implicit, little = dataset.original_encoding
        said = classes.IMPLICIT if implicit else classes.EXPLICIT if little else classes.BIG_ENDIAN
    return dataset, file, classes.DEFLATED if is_deflated else said.strip(" \0")


def _at_pixels(tag: int, vr: str | None, length: int) -> bool:
    return tag in _PIXELS


def _is_beyond_meta(tag: int, vr: str | None, length: int) -> bool:
    return tag >> 16 != 2


def _inflated(file: BinaryIO, at: int, most_bytes: int) -> BinaryIO:
    """The file as it would be if it were explicit little endian (PS3.5, A.5), and no larger than a unit holds."""
    file.seek(0)
    head = file.read(at).replace(classes.DEFLATED.encode(), classes.EXPLICIT.encode().ljust(22, b"\0"))
    stream, whole = zlib.decompressobj(-zlib.MAX_WBITS), io.BytesIO()
    whole.write(head)
    try:
        while not stream.eof and (packed := file.read(_AT_ONCE_BYTES)):
            while packed:
                whole.write(stream.decompress(packed, _AT_ONCE_BYTES))
                packed = stream.unconsumed_tail
                if whole.tell() > most_bytes:
                    raise Refused(f"more than {most_bytes >> 20} MiB when it is inflated")
    except zlib.error as error:
        raise Damaged(f"it cannot be inflated ({error})") from error
    if not stream.eof:
        raise Damaged("cut short")
    whole.seek(0)
    return whole
