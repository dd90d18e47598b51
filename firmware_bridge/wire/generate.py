"""`python -m firmware_bridge.wire.generate`: from messages.py the C messages and the tables of firmware-protocol.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import IntEnum, IntFlag
from pathlib import Path

from firmware_bridge.wire import frames, limits, messages
from firmware_bridge.wire.layout import Layout, Message, layouts_of
from firmware_bridge.wire.messages import EVENTS, MESSAGES, PARAM_DEFAULT, PARAM_MAX, REQUESTS, wire_name

C_FOLDER = Path(__file__).parent.parent / "c"
PAGE = Path(__file__).parents[2] / "docs" / "firmware-protocol.md"
ENUMS: tuple[type[IntEnum | IntFlag], ...] = (
    *(messages.Capability, messages.Fault, messages.ResetCause, messages.LightState),
    *(messages.ButtonAction, messages.Param, messages.NakReason),
)
_MADE_BY = "Made by `python -m firmware_bridge.wire.generate` from firmware_bridge/wire/messages.py; do not edit."
_C_TYPES = {"u8": "uint8_t", "u16": "uint16_t", "u32": "uint32_t", "u64": "uint64_t", "i16": "int16_t"}


def c_header() -> str:
    """The content of c/edge_messages.h."""
    lines = [f"/* {_MADE_BY} */", "#ifndef EDGE_MESSAGES_H", "#define EDGE_MESSAGES_H", '#include "edge_frames.h"', ""]
    lines += [f"enum {{ EB_MAX_LEDS = {limits.MAX_LEDS}, EB_PERMILLE = {limits.PERMILLE} }};"]
    lines += ["enum { EB_UNKNOWN_U16 = 0xFFFF, EB_UNKNOWN_I16 = -0x8000 };", ""]
    for enum in ENUMS:
        stem = _c_name(enum.__name__).upper()
        members = [f"    EB_{stem}_{member.name} = {member.value}" for member in enum]
        lines += ["enum {", ",\n".join(members), "};"]
    for param in messages.Param:
        default, highest = PARAM_DEFAULT[param], PARAM_MAX[param]
        lines.append(f"enum {{ EB_{param.name}_DEFAULT = {default}, EB_{param.name}_MAX = {highest} }};")
    for message in MESSAGES:
        name, upper = _c_struct(message), wire_name(message)
        lines += ["", f"/* {message.__doc__} */"]
        lines.append(f"enum {{ EB_{upper} = 0x{message.TYPE:02X}, EB_{upper}_BYTES = {message.num_bytes()} }};")
        if layouts_of(message):
            lines.append("typedef struct {")
            lines += [f"    {_c_field(field, layout)} /* {layout.explain} */" for field, layout in _fields(message)]
            lines += [f"}} {name};", f"void {name}_write(eb_frame *frame, const {name} *message);"]
            lines.append(f"void {name}_read(const eb_frame *frame, {name} *message);")
    note = [
        "",
        "/* `_write` sets type, length and payload of a frame, `_read` reads the payload of one whose length was",
        "   checked: `eb_length_fits` takes the exact length, or a longer one from a newer minor version. */",
        "int eb_length_fits(const eb_frame *frame, uint8_t num_bytes);",
        "",
        "#endif",
    ]
    return "\n".join([*lines, *note]) + "\n"


def c_source() -> str:
    """The content of c/edge_messages.c."""
    lines = [f"/* {_MADE_BY} */", '#include "edge_messages.h"', "", "#include <string.h>", "", _C_HELPERS]
    for message in MESSAGES:
        if not layouts_of(message):
            continue
        name, upper = _c_struct(message), wire_name(message)
        lines += ["", f"void {name}_write(eb_frame *frame, const {name} *message) {{"]
        lines += ["    uint8_t *at = frame->payload;", f"    frame->type = EB_{upper};"]
        lines += [f"    frame->length = EB_{upper}_BYTES;"]
        lines += [f"    at = {call};" for field, layout in _fields(message) for call in _c_puts(field, layout)]
        lines += ["    (void)at;", "}", "", f"void {name}_read(const eb_frame *frame, {name} *message) {{"]
        lines.append("    const uint8_t *at = frame->payload;")
        lines += [f"    {read}" for field, layout in _fields(message) for read in _c_gets(field, layout)]
        lines += ["    (void)at;", "}"]
    return "\n".join(lines) + "\n"


_C_HELPERS = """\
static uint8_t *put(uint8_t *at, uint64_t value, int num_bytes) {
    while (num_bytes-- > 0) {
        *at++ = (uint8_t)value;
        value >>= 8;
    }
    return at;
}

static uint64_t get(const uint8_t **at, int num_bytes) {
    uint64_t value = 0;
    int shift;
    for (shift = 0; shift < 8 * num_bytes; shift += 8) value |= (uint64_t)*(*at)++ << shift;
    return value;
}

static int16_t get_signed(const uint8_t **at) {
    int32_t value = (int32_t)get(at, 2);
    return (int16_t)(value >= 0x8000 ? value - 0x10000 : value);
}

int eb_length_fits(const eb_frame *frame, uint8_t num_bytes) {
    int newer = (frame->version & 15) > EB_VERSION_MINOR;
    return frame->length == num_bytes || (newer && frame->length > num_bytes);
}"""


def _fields(message: type[Message]) -> Iterator[tuple[str, Layout]]:
    return iter(layouts_of(message).items())


def _c_name(camel: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", camel).lower()


def _c_struct(message: type[Message]) -> str:
    return f"eb_{wire_name(message).lower()}"


def _c_field(name: str, layout: Layout) -> str:
    if layout.kind == "text16":
        return f"char {name}[16];"
    return f"{_C_TYPES[layout.kind]} {name}{f'[{layout.count}]' if layout.count > 1 else ''};"


def _c_puts(name: str, layout: Layout) -> list[str]:
    if layout.kind == "text16":
        return [f"(uint8_t *)memcpy(at, message->{name}, 16) + 16"]
    unsigned = "(uint16_t)" if layout.kind == "i16" else ""
    size = layout.num_bytes // layout.count
    return [f"put(at, {unsigned}message->{item}, {size})" for item in _items(name, layout)]


def _c_gets(name: str, layout: Layout) -> list[str]:
    if layout.kind == "text16":
        return [f"memcpy(message->{name}, at, 16);", "at += 16;"]
    if layout.kind == "i16":
        return [f"message->{item} = get_signed(&at);" for item in _items(name, layout)]
    size, kind = layout.num_bytes // layout.count, _C_TYPES[layout.kind]
    return [f"message->{item} = ({kind})get(&at, {size});" for item in _items(name, layout)]


def _items(name: str, layout: Layout) -> list[str]:
    return [name] if layout.count == 1 else [f"{name}[{index}]" for index in range(layout.count)]


def page_tables() -> str:
    """The generated part of the page: every message with its layout, and every list of values."""
    lines: list[str] = []
    for title, kinds in (("Asked by the host", REQUESTS), ("Answers", None), ("Events of the device", EVENTS)):
        chosen = [m for m in MESSAGES if m not in (*REQUESTS, *EVENTS)] if kinds is None else kinds
        lines += [f"### {title}", "", "| type | message | payload, offset: field | bytes |", "|---|---|---|---|"]
        for message in chosen:
            described = (message.__doc__ or "").replace("\n", " ")
            row = f"{wire_name(message)}: {re.sub(' +', ' ', described)}"
            lines.append(f"| 0x{message.TYPE:02X} | {row} | {_payload_cell(message)} | {message.num_bytes()} |")
        lines.append("")
    lines += ["### Values", ""]
    for enum in ENUMS:
        lines.append(f"- **{enum.__name__}**: " + ", ".join(f"{int(member)} {member.name}" for member in enum))
    defaults = (f"{param.name} {PARAM_DEFAULT[param]} (0 to {PARAM_MAX[param]})" for param in messages.Param)
    lines.append(f"- After a start: {', '.join(defaults)}.")
    return "\n".join(lines)


def _payload_cell(message: type[Message]) -> str:
    cells, offset = [], 0
    for name, layout in _fields(message):
        kind = "text, 16 bytes" if layout.kind == "text16" else layout.kind
        count = f" x {layout.count}" if layout.count > 1 else ""
        unknown = f"; {'0xFFFF' if layout.kind == 'u16' else '-32768'}: not fitted" if layout.optional else ""
        cells.append(f"{offset}: {name} {kind}{count} ({layout.explain}{unknown})")
        offset += layout.num_bytes
    return "<br>".join(cells) or "none"


def with_tables(page: str) -> str:
    """The page with its generated part renewed."""
    begin, end = "<!-- begin: messages -->", "<!-- end: messages -->"
    head, _, rest = page.partition(begin)
    _, _, tail = rest.partition(end)
    return f"{head}{begin}\n{page_tables()}\n{end}{tail}"


def main() -> None:
    (C_FOLDER / "edge_messages.h").write_text(c_header())
    (C_FOLDER / "edge_messages.c").write_text(c_source())
    if PAGE.exists():
        PAGE.write_text(with_tables(PAGE.read_text()))
    assert max(message.num_bytes() for message in MESSAGES) <= frames.MAX_PAYLOAD_BYTES


if __name__ == "__main__":
    main()
