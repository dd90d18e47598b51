"""What kind of picture a file is, by its first bytes: a name may say anything."""

from __future__ import annotations

from typing import Literal

Kind = Literal["JPEG", "PNG", "TIFF", "WebP", "GIF", "BMP", "HEIC", "AVIF"]

HEAD_BYTES = 64
_STARTS: tuple[tuple[bytes, Kind], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
)
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_BMP_HEADER_BYTES = frozenset({12, 40, 52, 56, 64, 108, 124})


def kind_of(head: bytes) -> Kind | None:
    """The kind of the file that begins with these bytes, `HEAD_BYTES` being enough; None where it is no picture."""
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADER_BYTES:
        return "BMP"
    if head[4:8] == b"ftyp":
        return _kind_of_brands(head)
    return None


def _kind_of_brands(head: bytes) -> Kind | None:
    """ISO/IEC 14496-12, 4.3: the major brand, a version, and the brands that the file conforms to besides."""
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]
    if not {brands[0]} & (_AVIF_BRANDS | _HEIC_BRANDS):
        return None
    return "AVIF" if _AVIF_BRANDS.intersection(brands) else "HEIC"
