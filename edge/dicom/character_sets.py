"""Texts of DICOM as they are meant, or not at all: a name of which a letter is guessed may be another patient's.

pydicom puts a replacement where bytes and character set do not fit, and takes Latin 1 for a set that it does not know.
Here each of these is an error.
"""

from __future__ import annotations

from collections.abc import Sequence

_DELIMITERS = {0x5E, 0x3D, 0x0D, 0x0A, 0x09, 0x0C}
"""Of names and texts: after one the first character set counts again (PS3.5 6.1.2.5.3)."""
_ASCII = frozenset({"", "ISO_IR 6", "ISO 2022 IR 6"})
_CHINESE = frozenset({"GBK", "GB18030", "ISO 2022 GBK"})
_LATIN = frozenset(f"{kind} {number}" for kind in ("ISO_IR", "ISO 2022 IR") for number in (100, 101, 109, 110, 148))
_GB_2312 = "\x1b$)A"
"""Its designation is left in the text by Python's codec."""
_JOINERS = "\u200c\u200d"
"""Which Persian and Indic names need."""


class Unreadable(ValueError):
    """Bytes that are no text of their character set; says why, and nothing of the text."""


def known_sets(declared: Sequence[str]) -> tuple[str, ...]:
    """Specific Character Set (0008,0005) as a dataset has it.

    Raises:
        Unreadable: a value of it is none that DICOM knows.
    """
    from pydicom.charset import python_encoding

    sets = tuple(name.strip() for name in declared) or ("",)
    for name in sets:
        if name not in python_encoding:
            raise Unreadable(f"the character set {name[:32]!r} is none that DICOM knows")
    return sets


def text_of(raw: bytes, sets: Sequence[str]) -> str:
    """A text or a name from its bytes.

    Args:
        sets: from `known_sets`.

    Raises:
        Unreadable: it is not in these sets, or holds what no person can read.
    """
    from pydicom.charset import convert_encodings, decode_bytes

    raw = raw.rstrip(b"\x00")
    first = sets[0]
    if first in _LATIN | _CHINESE and _is_utf8(raw, lowest=0x80 if first in _LATIN else 0x800):
        raise Unreadable(f"declared as {first}, and written in UTF-8")
    encodings = convert_encodings(list(sets))
    if first in _ASCII:
        encodings[0] = "ascii"
    text = decode_bytes(raw, encodings, _DELIMITERS)
    if "ISO 2022 IR 58" in sets:
        text = text.replace(_GB_2312, "")
    text = text.strip(" ")
    if first in _ASCII and "\ufffd" in text:
        raise Unreadable("letters beyond ASCII, and no character set that says which")
    if "\ufffd" in text or not all(one.isprintable() or one in _JOINERS for one in text):
        raise Unreadable(f"not written in {' and '.join(sets).strip() or 'ASCII'}, as it says")
    return text


def shown_anyway(raw: bytes) -> str:
    """What can be read of bytes that are no text; � for the rest."""
    text = raw[:200].decode("ascii", "replace")
    return "".join(one if one.isprintable() else "\ufffd" for one in text).strip()


def _is_utf8(raw: bytes, lowest: int) -> bool:
    """Whether all that is beyond ASCII makes UTF-8, by characters from this one on.

    By chance no name in Latin letters does, and of Chinese ones those of two bytes alone.
    """
    if raw.isascii() or b"\x1b" in raw:
        return False
    try:
        return all(one.isascii() or ord(one) >= lowest for one in raw.decode("utf-8"))
    except UnicodeDecodeError:
        return False
