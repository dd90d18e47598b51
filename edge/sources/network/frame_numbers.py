"""Whether a reference picture of H.264 never came, from the numbers that slices carry (ITU-T H.264, 7.3.2.1, 7.3.3).

A camera that drops pictures before it numbers its packets leaves no gap in them, and FFmpeg mends such a gap without a
word.
"""

from __future__ import annotations

from collections.abc import Sequence

_HIGH_PROFILES = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244})
_SLICE, _IDR, _SPS = 1, 5, 7
_HEAD_BYTES = 64


class FrameNumbers:
    """Follows the numbers of one stream's reference pictures."""

    def __init__(self) -> None:
        self._bits: int | None = None
        self._before: int | None = None

    def are_broken_by(self, units: Sequence[bytes]) -> bool:
        """Whether a picture that this one leans on is missing; an IDR picture leans on none.

        Args:
            units: NAL units of the next whole picture, with the parameter sets that came with it.
        """
        for unit in units:
            if unit[0] & 31 == _SPS:
                self._bits = frame_number_bits(unit)
        kind, slice_unit = next(((u[0] & 31, u) for u in units if u[0] & 31 in (_SLICE, _IDR)), (0, b""))
        if not kind or self._bits is None:
            return False
        try:
            number = _frame_number(slice_unit, self._bits)
        except IndexError:
            return True
        before, is_reference = self._before, bool(slice_unit[0] & 0x60)
        if is_reference or kind == _IDR:
            self._before = number
        if kind == _IDR or before is None:
            return False
        return (number - before) % (1 << self._bits) > 1


def frame_number_bits(sps: bytes) -> int | None:
    """How many bits the numbers of its pictures have; None where gaps are allowed or the set cannot be read."""
    try:
        bits = _Bits(sps[1:])
        profile = bits.take(8)
        bits.take(16)
        bits.exponential()
        if profile in _HIGH_PROFILES:
            _skip_high_profile(bits)
        num_bits = bits.exponential() + 4
        _skip_picture_order(bits)
        bits.exponential()
        gaps_are_allowed = bits.take(1)
    except IndexError:
        return None
    return None if gaps_are_allowed or num_bits > 16 else num_bits


def _frame_number(unit: bytes, num_bits: int) -> int:
    bits = _Bits(unit[1:_HEAD_BYTES])
    for _ in ("first_mb_in_slice", "slice_type", "pic_parameter_set_id"):
        bits.exponential()
    return bits.take(num_bits)


def _skip_high_profile(bits: _Bits) -> None:
    if bits.exponential() == 3:
        bits.take(1)
    bits.exponential()
    bits.exponential()
    bits.take(1)
    if bits.take(1):
        for place in range(8):
            if bits.take(1):
                _skip_scaling_list(bits, 16 if place < 6 else 64)


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed_exponential()) % 256
        last = following or last


def _skip_picture_order(bits: _Bits) -> None:
    kind = bits.exponential()
    if kind == 0:
        bits.exponential()
    elif kind == 1:
        bits.take(1)
        bits.exponential()
        bits.exponential()
        for _ in range(min(bits.exponential(), 255)):
            bits.exponential()


class _Bits:
    """Bits of a NAL unit, without the bytes that keep start codes out of it; IndexError at its end."""

    def __init__(self, content: bytes) -> None:
        self._content = content.replace(b"\0\0\3", b"\0\0")
        self._at = 0

    def take(self, num_bits: int) -> int:
        value = 0
        for _ in range(num_bits):
            value = value << 1 | self._content[self._at >> 3] >> (7 - self._at % 8) & 1
            self._at += 1
        return value

    def exponential(self) -> int:
        """ue(v), clause 9.1."""
        num_zeros = 0
        while not self.take(1):
            num_zeros += 1
            if num_zeros > 32:
                raise IndexError
        return (1 << num_zeros) - 1 + self.take(num_zeros)

    def signed_exponential(self) -> int:
        """se(v), clause 9.1.1."""
        value = self.exponential()
        return (value + 1) // 2 if value % 2 else -(value // 2)
