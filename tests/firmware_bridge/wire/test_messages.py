"""Layouts: one statement for Python, C and the page."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.errors import BadPayload
from firmware_bridge.wire import generate, vectors
from firmware_bridge.wire.frames import MAX_PAYLOAD_BYTES, Frame
from firmware_bridge.wire.layout import layouts_of
from firmware_bridge.wire.messages import (
    BY_TYPE,
    MESSAGES,
    Button,
    Fault,
    Hello,
    Status,
    bits_text,
    message_from_frame,
    wire_name,
)

PAGE = generate.PAGE.read_text()


@pytest.mark.parametrize("kind", MESSAGES, ids=wire_name)
@given(draw=st.randoms(use_true_random=False))
def test_every_message_comes_back_from_its_payload(kind, draw):
    message = vectors._message(kind, draw)
    payload = message.payload()
    assert len(payload) == kind.num_bytes() <= MAX_PAYLOAD_BYTES
    assert kind.from_payload(payload) == message


def test_fields_are_little_endian_in_the_order_of_the_class():
    assert Button(3, 0x0102030405060708).payload() == bytes.fromhex("03 08 07 06 05 04 03 02 01")


def test_a_sensor_that_is_not_fitted_is_none():
    status = Status(1, 0, (0, 0, 0, 0), 0, None, None, None, None, 5000, 0, 1, 0)
    payload = status.payload()
    assert payload[20:26] == bytes.fromhex("00 80 00 80 ff ff")
    assert Status.from_payload(payload) == status


@pytest.mark.parametrize("kind", [kind for kind in MESSAGES if kind.num_bytes()], ids=wire_name)
def test_a_payload_of_another_length_is_refused(kind):
    size = kind.num_bytes()
    with pytest.raises(BadPayload, match=f"payload of {size - 1} bytes, expected {size}"):
        kind.from_payload(bytes(size - 1))
    with pytest.raises(BadPayload):
        kind.from_payload(bytes(size + 1))
    assert kind.from_payload(bytes(size + 1), longer=True) == kind.from_payload(bytes(size))


def test_an_unknown_type_is_no_message():
    assert message_from_frame(Frame(0x7E, 1, b"abc")) is None


def test_serial_numbers_are_ascii_filled_up_with_nul():
    payload = Hello(1, 1, 2, 3, 4, 15, "EC-0042").payload()
    assert payload[12:] == b"EC-0042" + bytes(9)


def test_bits_of_a_newer_version_are_shown_by_number():
    assert bits_text(Fault.SENSOR | 0x100, Fault) == "sensor, unknown bits 0x100"


@pytest.mark.parametrize("name, made", [("edge_messages.h", generate.c_header), ("edge_messages.c", generate.c_source)])
def test_the_c_messages_are_what_the_generator_makes_of_messages_py(name, made):
    assert (generate.C_FOLDER / name).read_text() == made(), "run: python -m firmware_bridge.wire.generate"


def test_the_page_has_the_tables_that_the_generator_makes():
    assert generate.with_tables(PAGE) == PAGE, "run: python -m firmware_bridge.wire.generate"


def test_every_type_and_field_on_the_page_is_the_codes():
    """Read back from the page as a firmware author would, without the generator's help."""
    rows = re.findall(r"^\| 0x([0-9A-F]{2}) \| ([A-Z_]+): .*? \| (.*) \| (\d+) \|$", PAGE, re.MULTILINE)
    assert {int(type_, 16) for type_, *_ in rows} == BY_TYPE.keys()
    for type_, name, cell, num_bytes in rows:
        kind = BY_TYPE[int(type_, 16)]
        assert (name, int(num_bytes)) == (wire_name(kind), kind.num_bytes())
        found = re.findall(r"(?:^|<br>)(\d+): (\w+) ", cell)
        offset = 0
        wanted = []
        for field, layout in layouts_of(kind).items():
            wanted.append((str(offset), field))
            offset += layout.num_bytes
        assert found == wanted


def test_the_numbers_in_the_pages_prose_are_the_codes():
    from firmware_bridge.device import device, safety
    from firmware_bridge.host import link, session
    from firmware_bridge.wire import frames

    written = (
        f"n bytes, at most {frames.MAX_PAYLOAD_BYTES} |",
        f"| request, until it is answered | {session.ANSWER_TIMEOUT_NS // 10**6} ms | head |",
        f"every {session.ANSWER_TIMEOUT_NS // 10**6} ms, {session.NUM_TRIES} tries | host |",
        f"| HELLO until it is answered | {session.HELLO_TIMEOUT_NS // 10**9} s | host |",
        f"| HEARTBEAT | every {session.HEARTBEAT_NS // 10**6} ms | host |",
        f"| light to 10%, heater off, without a HEARTBEAT | {safety.DIM_AFTER_US // 10**6} s | head |",
        f"| light off, without a HEARTBEAT | {safety.DARK_AFTER_US // 10**6} s | head |",
        f"| every {device.EVENT_RETRY_US // 1000} ms, {device.EVENT_TRIES} times | head |",
        f"| LONG_PRESS after PRESS | {device.LONG_PRESS_US // 1000} ms | head |",
        f"| session given up, without a byte | {session.SILENT_NS / 1e9:g} s | host |",
        f"| session given up, with nothing usable | {session.USELESS_NS // 10**9} s | host |",
        f"| at once, then within {link.BACKOFF_S[-1]:.0f} s each time | host |",
        f"our code keeps {device.NUM_REMEMBERED}.",
        f"Queue up to {device.NUM_EVENTS}.",
        f"window at {safety.WINDOW_LIMIT_CENTI_CELSIUS / 100:.0f} C or more, "
        f"or board at {safety.BOARD_LIMIT_CENTI_CELSIUS / 100:.0f} C or more",
    )
    missing = [text for text in written if text not in PAGE]
    assert not missing


def test_the_c_constants_are_the_python_devices():
    from firmware_bridge.device import device, safety

    header = (generate.C_FOLDER / "edge_device.h").read_text()
    values = dict(re.findall(r"(EB_\w+)(?: = | )(\d+)", header))
    same = {
        "EB_DIM_AFTER_US": safety.DIM_AFTER_US,
        "EB_DARK_AFTER_US": safety.DARK_AFTER_US,
        "EB_DIM_PERMILLE": safety.DIM_PERMILLE,
        "EB_WINDOW_LIMIT_CENTI_CELSIUS": safety.WINDOW_LIMIT_CENTI_CELSIUS,
        "EB_BOARD_LIMIT_CENTI_CELSIUS": safety.BOARD_LIMIT_CENTI_CELSIUS,
        "EB_SUPPLY_LOW_MV": safety.SUPPLY_LOW_MV,
        "EB_LONG_PRESS_US": device.LONG_PRESS_US,
        "EB_EVENT_RETRY_US": device.EVENT_RETRY_US,
        "EB_EVENT_TRIES": device.EVENT_TRIES,
        "EB_NUM_EVENTS": device.NUM_EVENTS,
        "EB_NUM_REMEMBERED": device.NUM_REMEMBERED,
        "EB_TRANSMIT_BYTES": device.TRANSMIT_BYTES,
    }
    assert {name: int(values[name]) for name in same} == same
