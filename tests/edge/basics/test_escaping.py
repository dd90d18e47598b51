"""What comes from outside moves no terminal's cursor, and forges no line of a log."""

import logging

import pytest

from edge.basics.command import say
from edge.basics.logs import PrintableFormatter
from edge.updates.running_unit import RunningUnit
from firmware_bridge.wire.messages import Hello

EVIL = "A-1\x1b]0;owned\x07\x1b[2J\rok\u202e\x9b31m\nFAILED"


def test_what_a_command_prints(capsys):
    say(EVIL, "plain ä")
    first, second = capsys.readouterr().out.split("\n")[:2]
    assert first.isprintable() and "\\x1b]0;owned\\x07" in first and second == "plain ä"


@pytest.mark.parametrize("form", ["%(message)s", "%(asctime)s %(levelname)s %(name)s: %(message)s"])
def test_what_is_logged(form):
    record = logging.LogRecord("edge", logging.INFO, "x.py", 1, "unit %s", (EVIL,), None)
    line = PrintableFormatter(form).format(record)
    assert line.isprintable() and "\\nFAILED" in line


def test_the_lines_of_a_traceback_stay_lines():
    try:
        raise ValueError(EVIL)
    except ValueError as error:
        record = logging.LogRecord("edge", logging.INFO, "x.py", 1, "x", (), (ValueError, error, error.__traceback__))
    lines = PrintableFormatter("%(message)s").format(record).split("\n")
    assert len(lines) > 3 and all(line.isprintable() for line in lines)


@pytest.mark.parametrize("serial", [b"A\x1b[2J\x07\r\n", b"A\x9b31m\xff", b"\x00\x1b" + b"B" * 14])
def test_the_serial_number_of_a_camera_head(serial):
    payload = Hello(1, 1, 0, 0, 4, 0, "").payload()[:-16] + serial.ljust(16, b"\0")[:16]
    assert Hello.from_payload(payload).serial.isprintable()


@pytest.mark.parametrize("listen", ["localhost:1", "127.0.0.1:1", "[::1]:1", "0.0.0.0:1", "[::]:1"])
def test_a_unit_is_asked_by_the_name_that_it_listens_on(listen):
    assert RunningUnit(listen).health() is None
