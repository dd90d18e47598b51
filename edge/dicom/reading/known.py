"""Whether a file is DICOM, by its first bytes: a name may say anything."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from edge.basics.folders import open_plain

HEAD_BYTES = 1024
Kind = Literal["object", "directory", "encrypted"]

_PREAMBLE = 128
_DIRECTORY = b"1.2.840.10008.1.3.10"
_CMS = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07"
"""The object identifier that every CMS envelope begins with (RFC 5652, section 4): 1.2.840.113549.1.7, of any kind."""
_FIRST_GROUPS = (0x0002, 0x0008)
_LAST_OF_FIRST = 0x0020
_LONG_VRS = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
_SHORT_VRS = (
    b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS",
    b"ST", b"TM", b"UI", b"UL", b"US",
)  # fmt: skip
_NUM_SURE = 3
_MOST_BYTES = 256
"""Of one of the first elements; theirs are UIDs, dates and names."""


def dicom_kind(head: bytes) -> Kind | None:
    """What the file is that begins with these bytes, `HEAD_BYTES` being enough; None where it is no DICOM.

    A file without the preamble (PS3.10, 7.1) is taken for an object where its first three elements stand as they must.
    """
    if head[_PREAMBLE : _PREAMBLE + 4] == b"DICM":
        return "directory" if _DIRECTORY in head[: _PREAMBLE + 256] else "object"
    if head[:1] == b"\x30" and _CMS in head[:32]:
        return "encrypted"
    if any(_begins_with_elements(head, order) for order in "<>"):
        return "directory" if _DIRECTORY in head[:256] else "object"
    return None


def dicom_kind_of_file(path: Path) -> Kind | None:
    """As `dicom_kind`; None for what cannot be read."""
    try:
        with open_plain(path) as file:
            return dicom_kind(file.read(HEAD_BYTES))
    except (OSError, ValueError):
        return None


def _begins_with_elements(head: bytes, order: str) -> bool:
    tags = []
    for tag in _tags(head, order):
        tags.append(tag)
        if len(tags) == _NUM_SURE:
            break
    is_first = bool(tags) and tags[0][0] in _FIRST_GROUPS and tags[0][1] <= _LAST_OF_FIRST
    return is_first and len(tags) == _NUM_SURE and tags == sorted(set(tags))


def _tags(head: bytes, order: str) -> Iterator[tuple[int, int]]:
    """Of the elements one after the other, as long as they look like some (PS3.5, 7.1.2 and 7.1.3)."""
    at = 0
    while at + 12 <= len(head):
        group, element, vr, short = struct.unpack_from(f"{order}HH2sH", head, at)
        if vr in _SHORT_VRS:
            size, at = short, at + 8
        elif vr in _LONG_VRS:
            size, at = struct.unpack_from(f"{order}I", head, at + 8)[0], at + 12
        elif order == "<":  # big endian is always explicit
            size, at = struct.unpack_from("<I", head, at + 4)[0], at + 8
        else:
            return
        if size > _MOST_BYTES or size % 2:
            return
        at += size
        yield group, element
