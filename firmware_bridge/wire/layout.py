"""Fixed little-endian layouts, stated beside the fields of frozen dataclasses; Python, C and the page follow them."""

from __future__ import annotations

import dataclasses
import struct
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from firmware_bridge.errors import BadPayload, OutOfRange

MessageT = TypeVar("MessageT", bound="Message")

UNKNOWN_U16 = 0xFFFF
UNKNOWN_I16 = -0x8000
"""What a device sends for a sensor that it does not have; None in Python."""

_SIZES = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "i16": "h", "text16": "16s"}
_UNKNOWN = {"u16": UNKNOWN_U16, "i16": UNKNOWN_I16}


@dataclass(frozen=True, slots=True)
class Layout:
    """How one field lies in the payload.

    Attributes:
        kind: u8, u16, u32, u64, i16, or text16: ASCII filled up with NUL to 16 bytes.
        count: a tuple of so many; 1 stands for a plain value.
        explain: what the page says of it, its unit included.
        low, high: inclusive limits of what a sender may ask for; both sides refuse the rest.
        optional: the highest (u16) or lowest (i16) value stands for "not fitted", None in Python.
    """

    kind: str
    explain: str
    count: int = 1
    low: int | None = None
    high: int | None = None
    optional: bool = False

    @property
    def format(self) -> str:
        return _SIZES[self.kind] * self.count

    @property
    def num_bytes(self) -> int:
        return struct.calcsize("<" + self.format)


def wired(
    kind: str,
    explain: str,
    *,
    count: int = 1,
    low: int | None = None,
    high: int | None = None,
    optional: bool = False,
) -> Any:
    """A dataclass field with its layout; see `Layout`."""
    return dataclasses.field(metadata={"layout": Layout(kind, explain, count, low, high, optional)})


def layouts_of(message: type[Message]) -> dict[str, Layout]:
    """Field name -> layout, in the order of the wire."""
    if message not in _known_layouts:
        fields = dataclasses.fields(message)
        _known_layouts[message] = {field.name: field.metadata["layout"] for field in fields}
    return _known_layouts[message]


def _struct_of(message: type[Message]) -> struct.Struct:
    if message not in _known_structs:
        codes = "".join(layout.format for layout in layouts_of(message).values())
        _known_structs[message] = struct.Struct("<" + codes)
    return _known_structs[message]


_known_layouts: dict[type[Message], dict[str, Layout]] = {}
_known_structs: dict[type[Message], struct.Struct] = {}


@dataclass(frozen=True)
class Message:
    """What a frame carries. Subclasses state their fields with `wired`."""

    TYPE: ClassVar[int]

    @classmethod
    def num_bytes(cls) -> int:
        return _struct_of(cls).size

    def payload(self) -> bytes:
        """The fields as bytes.

        Raises:
            OutOfRange: a value that the receiver would refuse; names field, value and limits.
        """
        self.check()
        values: list[Any] = []
        for name, layout in layouts_of(type(self)).items():
            value = getattr(self, name)
            if layout.count > 1:
                values.extend(value)
            elif layout.kind == "text16":
                values.append(value.encode("ascii", "replace"))
            else:
                values.append(_UNKNOWN[layout.kind] if value is None else value)
        try:
            return _struct_of(type(self)).pack(*values)
        except struct.error as error:
            raise OutOfRange(f"{self}: {error}") from error

    def check(self) -> None:
        """Refuse what lies outside the stated limits.

        Raises:
            OutOfRange: names field, value and limits.
        """
        for name, layout in layouts_of(type(self)).items():
            if layout.low is None or layout.high is None:
                continue
            value = getattr(self, name)
            if not layout.low <= value <= layout.high:
                message = f"{name} = {value}: expected a whole number from {layout.low} to {layout.high}"
                raise OutOfRange(message)

    @classmethod
    def from_payload(cls: type[MessageT], payload: bytes, *, longer: bool = False) -> MessageT:
        """Read the fields; their limits are not checked.

        Args:
            longer: a newer minor version may have appended fields; what is behind the known ones is ignored.

        Raises:
            BadPayload: too short, or too long for this version.
        """
        layout_struct = _struct_of(cls)
        if len(payload) != layout_struct.size and not (longer and len(payload) > layout_struct.size):
            raise BadPayload(f"{cls.__name__}: payload of {len(payload)} bytes, expected {layout_struct.size}")
        flat = layout_struct.unpack_from(payload)
        values: list[Any] = []
        at = 0
        for layout in layouts_of(cls).values():
            if layout.count > 1:
                values.append(flat[at : at + layout.count])
            elif layout.kind == "text16":
                values.append(_printable(flat[at].rstrip(b"\0")))
            else:
                values.append(None if layout.optional and flat[at] == _UNKNOWN[layout.kind] else flat[at])
            at += layout.count
        return cls(*values)


def _printable(text: bytes) -> str:
    """ASCII that moves no terminal's cursor: what is none, or no printable one, is replaced."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text.decode("ascii", "replace"))
