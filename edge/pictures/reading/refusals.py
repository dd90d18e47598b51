"""Why a picture is not read. The line lacks the file's name, which whoever opened the file puts before it."""

from __future__ import annotations

MAX_PIXELS = 210_000_000
"""What a unit of 8 GB can read beside its other work, and the largest that phones take; docs/results.md has what a
picture of this size takes."""
MAX_SIDE_PX = 65_535
MAX_FILE_BYTES = 1 << 31
MAX_HELD_BYTES = 1_000_000_000
"""Of a picture that its decoder holds whole, where others are read in rows: a file of 1 MB can stand for 200 megapixels
of 8 bytes, in several copies."""


class Refused(Exception):
    """The picture is of a kind, a size or a depth that is not read."""


class Damaged(Refused):
    """Something in the file is broken; part of the picture may be readable."""


def refuse_file_size(num_bytes: int) -> None:
    """Raises `Refused` for a file of more than `MAX_FILE_BYTES`: it is held in memory while its pages are read."""
    if num_bytes > MAX_FILE_BYTES:
        raise Refused(
            f"{num_bytes / 1e9:.1f} GB, more than the {MAX_FILE_BYTES / 1e9:.1f} that fit a unit's memory: "
            "make it smaller, or cut it into parts"
        )


def refuse_size(width_px: int, height_px: int) -> None:
    """Raises `Refused` where the header tells of more than `MAX_PIXELS`, or of a side longer than `MAX_SIDE_PX`."""
    if width_px * height_px > MAX_PIXELS:
        raise too_many_pixels(f"{width_px}x{height_px} px are ", width_px * height_px)
    if max(width_px, height_px) > MAX_SIDE_PX:
        raise Refused(f"{width_px}x{height_px} px; a side may have {MAX_SIDE_PX}: cut it into parts")


def refuse_held(width_px: int, height_px: int, bytes_per_px: int, kind: str) -> None:
    """Raises `Refused` where a decoder that holds the whole picture would take more than `MAX_HELD_BYTES` for it.

    Args:
        bytes_per_px: of all its copies together.
        kind: what such a picture is, for the message.
    """
    held = width_px * height_px * bytes_per_px
    if held > MAX_HELD_BYTES:
        most = MAX_HELD_BYTES // bytes_per_px
        raise Refused(
            f"{width_px}x{height_px} px; {kind} may have {most / 1e6:.0f} megapixels, held in memory whole: "
            "make it smaller, or save it as an ordinary PNG"
        )


def too_many_pixels(subject: str, num_pixels: int) -> Refused:
    return Refused(
        f"{subject}{num_pixels / 1e6:.0f} megapixels, more than the {MAX_PIXELS / 1e6:.0f} that fit a unit's memory: "
        "make it smaller, or cut it into parts"
    )
