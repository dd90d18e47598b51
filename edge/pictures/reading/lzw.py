"""How many bytes a TIFF's LZW stream stands for, without writing them: a damaged one stands for another number.

libtiff stops at the last pixel and looks at nothing after it, so that a changed code, which makes all that follows
slip, is no error to it. The codes of a table have known places: 9 bits each until the table has 511 entries, and so
on (TIFF 6.0, section 13), so that a table is read at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_CLEAR, _END, _FIRST_ENTRY = 256, 257, 258
_MOST_CODES = 4096 - _FIRST_ENTRY + 2


def _places() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Bit at which each code of a table begins, counted from the table's start, and its width."""
    entries = _FIRST_ENTRY - 1 + np.arange(_MOST_CODES)  # in the table when code n is read; the first code adds none
    widths = np.select([entries < 511, entries < 1023, entries < 2047], [9, 10, 11], 12)
    return np.concatenate([[0], np.cumsum(widths)[:-1]]), widths


_STARTS, _WIDTHS = _places()


def is_old_style(stream: bytes) -> bool:
    """Whether its bits run the other way, as libtiff tells those of before TIFF 5."""
    return len(stream) >= 2 and stream[0] == 0 and stream[1] & 1 == 1


def num_bytes_of_lzw(stream: bytes) -> int | None:
    """Bytes that the stream stands for up to its end code, or to its own end; None where it is no LZW stream."""
    data = np.frombuffer(stream + bytes(4), np.uint8)
    num_bits, total = 8 * len(stream), 0
    at = 9 if int.from_bytes(stream[:2], "big") >> 7 == _CLEAR else 0
    while at + 9 <= num_bits:
        starts = at + _STARTS
        widths = _WIDTHS[starts + _WIDTHS <= num_bits]
        starts = starts[: widths.size]
        first = starts >> 3
        high, middle, low = (data[first + n].astype(np.uint32) for n in range(3))
        word = high << 16 | middle << 8 | low
        codes = (word >> (24 - (starts & 7) - widths).astype(np.uint32)) & ((1 << widths) - 1).astype(np.uint32)
        stops = np.flatnonzero((codes == _CLEAR) | (codes == _END))
        num = int(stops[0]) if stops.size else codes.size
        table_bytes = _num_bytes_of_table(codes[:num].astype(np.int64))
        if table_bytes is None:
            return None
        total += table_bytes
        if not stops.size or codes[num] == _END:
            return total
        at = int(starts[num] + widths[num])
    return total


def _num_bytes_of_table(codes: NDArray[np.int64]) -> int | None:
    """Bytes of the codes between two clear codes; None where one names an entry that is not there yet."""
    if not codes.size:
        return 0
    entries = codes - _FIRST_ENTRY  # entry n is made of code n and the first byte of the next one
    if (entries >= np.arange(codes.size)).any():
        return None
    lengths = np.ones(codes.size, np.int64)
    parents = entries.copy()
    children = np.flatnonzero(entries >= 0)
    while children.size:  # twice as far back each time
        before = parents[children]
        lengths[children] += lengths[before]
        parents[children] = parents[before]
        children = children[parents[children] >= 0]
    return int(lengths.sum())
