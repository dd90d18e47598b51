"""Packed pixels of a TIFF held to what libtiff does not look at: checksums, and what is left after the last pixel."""

from __future__ import annotations

import zlib

from edge.pictures.reading.lzw import is_old_style, num_bytes_of_lzw
from edge.pictures.reading.refusals import Damaged
from edge.pictures.reading.tiff_directories import Piece, TiffPage

_AT_ONCE_BYTES = 1 << 20


def refuse_broken_pieces(content: bytes, page: TiffPage) -> None:
    """Look at each strip or tile that is deflated or LZW.

    Raises:
        Damaged: a checksum is wrong, or a piece stands for another number of pixels than it must.
    """
    for number, piece in enumerate(page.pieces):
        packed = content[piece.place : piece.place + piece.num_bytes]
        if page.packing == "deflate":
            _refuse_wrong_sum(packed)
        elif page.packing == "LZW" and piece.unpacked and not is_old_style(packed):
            _refuse_slipped(packed, piece, number)


def _refuse_wrong_sum(packed: bytes) -> None:
    stream = zlib.decompressobj()
    try:
        while packed and not stream.eof:
            stream.decompress(packed, _AT_ONCE_BYTES)
            packed = stream.unconsumed_tail
    except zlib.error as error:
        raise Damaged(f"its pixels cannot be unpacked ({error})") from error


def _refuse_slipped(packed: bytes, piece: Piece, number: int) -> None:
    num_bytes = num_bytes_of_lzw(packed)
    if num_bytes not in piece.unpacked:
        raise Damaged(f"part {number + 1} of its pixels has {num_bytes or 'no'} bytes of {piece.unpacked[0]}")
