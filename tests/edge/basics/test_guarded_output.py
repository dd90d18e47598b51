"""Streams and the process list, in a process of its own each time."""

import subprocess
import sys

import pytest

from edge.basics import hiding
from edge.basics.guarded_output import GuardedStream
from tests.doubles.waiting import GUARD_S

SECRET = "rtsp://doctor:geheim-77@h/live"


@pytest.fixture(autouse=True)
def register(monkeypatch):
    monkeypatch.setattr(hiding, "_known", hiding._Register())


def told(program, *words):
    code = f"import sys, os\nfrom edge.basics.guarded_output import guard_output\n{program}"
    return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=GUARD_S)


@pytest.mark.parametrize("words", [["--source", SECRET], [f"--source={SECRET}"], ["x", SECRET, "é"]])
def test_the_process_list_shows_neither_password_nor_less_of_the_rest(words):
    program = "print(guard_output(sys.argv[1:])); print(open('/proc/self/cmdline').read().split(chr(0))[3:-1])"
    seen, line = told(program, *words).stdout.splitlines()
    assert seen == "True"
    assert "rtsp://***@h/live" in line
    assert [word.rstrip() for word in eval(line)] == [word.replace("doctor:geheim-77", "***") for word in words]


def test_a_command_line_without_secrets_is_left_alone():
    program = "print(guard_output(sys.argv[1:])); print(open('/proc/self/cmdline').read().split(chr(0))[3:-1])"
    words = ["--source", "demo:?fps=5", "--debug"]
    assert told(program, *words).stdout.splitlines() == ["False", repr(words)]


def test_whatever_writes_to_the_streams_writes_no_secret():
    program = """
guard_output(sys.argv[1:])
import threading, warnings
print("print", sys.argv[1]); sys.stderr.writelines(["lines ", sys.argv[1], "\\n"])
warnings.warn(sys.argv[1])
thread = threading.Thread(target=lambda: int(sys.argv[1])); thread.start(); thread.join()
try:
    int(sys.argv[1])
except ValueError as error:
    raise RuntimeError("chained") from error
"""
    done = told(program, SECRET)
    assert done.stdout == "print rtsp://***@h/live\n"
    assert done.stderr.count("rtsp://***@h/live") == 4 and "geheim" not in done.stderr
    assert "chained" in done.stderr


def test_the_stream_is_otherwise_its_own(tmp_path):
    with (tmp_path / "file").open("w") as file:
        stream = GuardedStream(file)
        assert stream.write(f"x {SECRET}") == len(f"x {SECRET}")
        assert (stream.fileno(), stream.encoding, stream.isatty()) == (file.fileno(), file.encoding, False)
    assert (tmp_path / "file").read_text() == "x rtsp://***@h/live"
