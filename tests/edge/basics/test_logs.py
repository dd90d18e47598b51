"""Journald's native protocol against a real datagram socket that stands for journald."""

import io
import logging
import os
import socket
import subprocess
import sys

import pytest

from edge.basics.logs import JournalHandler, entry_of, is_journal


def parsed(datagram):
    """Fields of one entry, read as systemd.io/JOURNAL_NATIVE_PROTOCOL says."""
    fields, rest = {}, datagram
    while rest:
        line, rest = rest.split(b"\n", 1)
        name, equals, value = line.partition(b"=")
        if not equals:
            length = int.from_bytes(rest[:8], "little")
            value, rest = rest[8 : 8 + length], rest[8 + length :]
            assert rest[:1] == b"\n"
            rest = rest[1:]
        fields[name.decode()] = value.decode()
    return fields


@pytest.fixture
def journald(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "socket"))
        listener.setblocking(False)
        yield listener


@pytest.fixture
def journal(journald, tmp_path):
    """A logger that writes to `journald`, and the stream that it falls back to."""
    fallback = io.StringIO()
    handler = JournalHandler(tmp_path / "socket", fallback)
    log = logging.getLogger("edge.test_journal")
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    log.propagate = False
    yield log, fallback
    log.removeHandler(handler)
    handler.close()


def test_a_record_is_an_entry_with_fields(journal, journald):
    log, fallback = journal
    extra = {"edge_part": "source", "edge_state": "failed", "edge_reason": "unplugged", "edge_none": None, "other": 1}
    log.warning("source is %s", "gone", extra=extra)
    fields = parsed(journald.recv(65536))
    line = int(fields.pop("CODE_LINE"))
    assert line > 0
    assert fields == {
        "MESSAGE": "source is gone",
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "edge-enhance",
        "LOGGER": "edge.test_journal",
        "THREAD_NAME": "MainThread",
        "CODE_FILE": __file__,
        "CODE_FUNC": "test_a_record_is_an_entry_with_fields",
        "EDGE_PART": "source",
        "EDGE_STATE": "failed",
        "EDGE_REASON": "unplugged",
    }
    assert fallback.getvalue() == ""


def test_several_lines_are_one_entry(journal, journald):
    log, _ = journal
    try:
        raise ValueError("first\nsecond=line")
    except ValueError:
        log.exception("it broke", extra={"edge_reason": "two\nlines"})
    fields = parsed(journald.recv(65536))
    assert fields["MESSAGE"].startswith("it broke\nTraceback") and fields["MESSAGE"].endswith("second=line")
    assert fields["EDGE_REASON"] == "two\nlines"
    assert fields["PRIORITY"] == "3"


def test_a_text_of_several_lines_has_its_length_in_front():
    # Example from systemd.io/JOURNAL_NATIVE_PROTOCOL: name, newline, 64-bit little-endian size, value, newline.
    assert entry_of({"A": "x", "MESSAGE": "foo\nbar"}) == b"A=x\nMESSAGE\n\x07\0\0\0\0\0\0\0foo\nbar\n"


@pytest.mark.parametrize(
    ("level", "priority"),
    [(logging.DEBUG, "7"), (logging.INFO, "6"), (logging.WARNING, "4"), (logging.ERROR, "3"), (logging.CRITICAL, "2")],
)
def test_levels_are_syslogs_priorities(journal, journald, level, priority):
    log, _ = journal
    log.log(level, "x")
    assert parsed(journald.recv(65536))["PRIORITY"] == priority


def test_without_journald_lines_go_to_stderr_with_their_priority(journal, journald, tmp_path):
    log, fallback = journal
    (tmp_path / "socket").unlink()
    log.error("one\ntwo")
    assert fallback.getvalue() == "<3>one\n<3>two\n"


def test_an_entry_too_large_for_a_datagram_is_not_lost(journal):
    log, fallback = journal
    log.info("x" * 10_000_000)
    assert len(fallback.getvalue()) == 10_000_004


def test_a_full_journal_stops_nobody_and_the_loss_is_told(journal, journald):
    log, _ = journal
    sent = 2000  # more than the socket holds
    for number in range(sent):
        log.info("%d", number)
    kept = 0
    while True:
        try:
            journald.recv(65536)
        except BlockingIOError:
            break
        kept += 1
    assert 0 < kept < sent
    log.info("after")
    assert parsed(journald.recv(65536))["EDGE_LOST"] == str(sent - kept)
    log.info("again")
    assert "EDGE_LOST" not in parsed(journald.recv(65536))


def test_the_journal_is_told_by_device_and_inode(tmp_path):
    with (tmp_path / "stream").open("w") as stream:
        about = os.fstat(stream.fileno())
        assert is_journal(stream.fileno(), {"JOURNAL_STREAM": f"{about.st_dev}:{about.st_ino}"})
        assert not is_journal(stream.fileno(), {"JOURNAL_STREAM": f"{about.st_dev}:{about.st_ino + 1}"})
        assert not is_journal(stream.fileno(), {})
    assert not is_journal(stream_that_is_closed(), {"JOURNAL_STREAM": "1:1"})


def stream_that_is_closed():
    read, write = os.pipe()
    os.close(read)
    os.close(write)
    return write


@pytest.mark.parametrize(("debug", "message"), [(False, "hello\n"), (True, " INFO root: hello\n")])
def test_outside_of_the_journal_the_log_is_text_on_stderr(debug, message):
    program = f"import logging, edge.basics.logs as j; j.set_up_logging({debug}); logging.info('hello')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr.endswith(message), done.stderr
    assert (done.stderr == message) is not debug


def test_neither_message_nor_fields_nor_exception_hold_a_secret(journal, journald):
    log, _ = journal
    try:
        raise ValueError("rtsp://doctor:geheim@h/live")
    except ValueError:
        log.exception("%s", "rtsp://doctor:geheim@h/live", extra={"edge_reason": "rtsp://doctor:geheim@h/live"})
    fields = parsed(journald.recv(65536))
    assert fields["EDGE_REASON"] == "rtsp://***@h/live"
    assert fields["MESSAGE"].count("rtsp://***@h/live") == 3 and "geheim" not in str(fields)


def test_outside_of_the_journal_no_line_holds_a_secret():
    program = "import logging, edge.basics.logs as j; j.set_up_logging(False); logging.info('rtsp://d:geheim@h/live')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr == "rtsp://***@h/live\n"
