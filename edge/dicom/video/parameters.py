"""The sequence parameter set of an H.264 stream (ISO/IEC 14496-10): what it tells, and the same told as High profile.

A stream of the Constrained Baseline or Main profile keeps every rule of the High profile, which can do more; only its
head says otherwise. DICOM's transfer syntaxes ask for High, so the head is written anew and no picture is touched.
"""

from __future__ import annotations

from dataclasses import dataclass

BASELINE, MAIN, HIGH = 66, 77, 100
_CONSTRAINED = 0x40
_SQUARE = 1
_EXTENDED_SAR = 255
_CHROMA_420 = 1
_HIGH_FIELDS = "0101100"
"""What only High has after the set's id: 4:2:0, 8 bits twice, no lossless bypass, no scaling matrices."""
_HEAD_BYTES = 4
"""The unit's own byte, profile, constraints, level."""


class NotUnderstood(ValueError):
    """A parameter set that is damaged, or of a profile that none of this program's encoders writes."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Attributes:
    level: ten times its number, 41 for 4.1.
    width_px, height_px: after what is cut away of the last macroblocks (chroma is 4:2:0).
    has_square_pixels: or does not say.
    """

    profile: int
    constraints: int
    level: int
    num_references: int
    width_mbs: int
    height_mbs: int
    width_px: int
    height_px: int
    is_progressive: bool
    has_square_pixels: bool

    @property
    def can_be_high(self) -> bool:
        """Whether its stream keeps the rules of the High profile."""
        return self.profile in (MAIN, HIGH) or (self.profile == BASELINE and bool(self.constraints & _CONSTRAINED))


class _Bits:
    def __init__(self, payload: bytes) -> None:
        self.bits = "".join(f"{byte:08b}" for byte in payload)
        self.at = 0

    def u(self, num: int) -> int:
        piece = self.bits[self.at : self.at + num]
        if len(piece) < num:
            raise NotUnderstood("it ends too early")
        self.at += num
        return int(piece, 2) if piece else 0

    def ue(self) -> int:
        zeros = 0
        while not self.u(1):
            zeros += 1
            if zeros > 31:
                raise NotUnderstood("a number that is too long")
        return (1 << zeros) - 1 + self.u(zeros)


def parameters_of(unit: bytes) -> Parameters:
    """Of a unit of type 7, its own byte included. Raises NotUnderstood."""
    profile, constraints, level, bits = _opened(unit)
    bits.ue()
    if profile == HIGH:
        if (bits.ue(), bits.ue(), bits.ue(), bits.u(1)) != (_CHROMA_420, 0, 0, 0) or bits.u(1):
            raise NotUnderstood("not 4:2:0 of 8 bits")
    elif profile not in (BASELINE, MAIN):
        raise NotUnderstood(f"profile {profile}")
    bits.ue()
    order = bits.ue()
    if order == 0:
        bits.ue()
    elif order == 1:
        raise NotUnderstood("picture order of type 1")
    num_references = bits.ue()
    bits.u(1)
    width_mbs, height_units = bits.ue() + 1, bits.ue() + 1
    is_progressive = bool(bits.u(1))
    if not is_progressive:
        bits.u(1)
    bits.u(1)
    left, right, top, bottom = (bits.ue() for _ in range(4)) if bits.u(1) else (0, 0, 0, 0)
    is_square = True
    if bits.u(1) and bits.u(1):
        shape = bits.u(8)
        is_square = shape == _SQUARE or (shape == _EXTENDED_SAR and bits.u(16) == bits.u(16))
    fields = 1 if is_progressive else 2
    height_mbs = height_units * fields
    return Parameters(
        profile,
        constraints,
        level,
        num_references,
        width_mbs,
        height_mbs,
        width_mbs * 16 - 2 * (left + right),
        height_mbs * 16 - 2 * fields * (top + bottom),
        is_progressive,
        is_square,
    )


def as_high(unit: bytes, level: int) -> bytes:
    """The same parameters, said as the High profile's, of a level."""
    profile, _, _, bits = _opened(unit)
    head = bytes((unit[0], HIGH, 0, level))
    if profile == HIGH:
        return head + unit[_HEAD_BYTES:]
    bits.ue()
    kept = bits.bits.rstrip("0")[:-1]  # without the bit that ends it, and what fills its last byte
    whole = f"{kept[: bits.at]}{_HIGH_FIELDS}{kept[bits.at :]}1"
    whole += "0" * (-len(whole) % 8)
    payload = bytes(int(whole[at : at + 8], 2) for at in range(0, len(whole), 8))
    return head + _escaped(payload)


def split_avcc(avcc: bytes) -> tuple[list[bytes], bytes]:
    """The units of type 7, and what follows them: the picture parameter sets with their number (14496-15, 5.2.4)."""
    found, at = [], 6
    try:
        for _ in range(avcc[5] & 31):
            size = int.from_bytes(avcc[at : at + 2], "big")
            found.append(avcc[at + 2 : at + 2 + size])
            at += 2 + size
        end = at + 1
        for _ in range(avcc[at]):
            end += 2 + int.from_bytes(avcc[end : end + 2], "big")
    except IndexError as error:
        raise NotUnderstood("a decoder configuration that is cut short") from error
    return found, avcc[at:end]


def avcc_of(avcc: bytes, units: list[bytes], pictures: bytes) -> bytes:
    """The same configuration with other units of type 7, of the High profile."""
    counted = b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)
    return (
        bytes((avcc[0], *units[0][1:4], avcc[4], 0xE0 | len(units))) + counted + pictures + bytes((0xFD, 0xF8, 0xF8, 0))
    )


def _opened(unit: bytes) -> tuple[int, int, int, _Bits]:
    if len(unit) <= _HEAD_BYTES or unit[0] & 31 != 7:
        raise NotUnderstood("it is none")
    return unit[1], unit[2], unit[3], _Bits(unit[_HEAD_BYTES:].replace(b"\0\0\3", b"\0\0"))


def _escaped(payload: bytes) -> bytes:
    """With a 3 before each byte up to 3 that follows two zeros (14496-10, 7.4.1)."""
    written, zeros = bytearray(), 0  # the level before it is none
    for byte in payload:
        if zeros >= 2 and byte <= 3:
            written.append(3)
            zeros = 0
        written.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(written)
