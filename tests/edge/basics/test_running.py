"""A command from its words to its exit code: the log's level, tracebacks, and a reader who has gone."""

import logging
import subprocess
import sys
from contextlib import contextmanager
from unittest import mock

import pytest

from edge.basics.errors import InputOutputError
from edge.basics.running import run_command
from firmware_bridge.command_alike import UNREAD
from firmware_bridge.command_line import Parser
from tests.doubles.waiting import GUARD_S
from tests.paths import REPOSITORY

WORDY = """
import sys
from edge.basics.running import run_command
from firmware_bridge.command_line import Parser

def work(args):
    for number in range(20000):
        print("line", number)
    return 0

sys.exit(run_command(Parser(prog="lamp"), work, []))
"""


@contextmanager
def root_without_handlers():
    """As in a program that starts."""
    root, level = logging.getLogger(), logging.getLogger().level
    with mock.patch.object(root, "handlers", []):
        yield root
    root.setLevel(level)


@pytest.mark.parametrize(("words", "level"), [([], logging.WARNING), (["--debug"], logging.DEBUG)])
def test_debug_sets_the_level_of_the_log(words, level):
    with root_without_handlers() as root:
        assert run_command(Parser(prog="lamp"), lambda args: 0, words) == 0
        assert root.level == level


def test_debug_shows_where_a_failure_comes_from(capsys):
    def fail(args):
        raise InputOutputError("no lamp")

    with root_without_handlers():
        assert run_command(Parser(prog="lamp"), fail, []) == 74
        assert capsys.readouterr().err == "lamp: no lamp\n"
        with pytest.raises(InputOutputError):
            run_command(Parser(prog="lamp"), fail, ["--debug"])


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["-c", WORDY], UNREAD),
        (["-m", "edge.cli", "--help"], 0),
        (["-m", "trainer.cli", "student", "--help"], 0),
        (["-m", "firmware_bridge.cli"], 2),
    ],
    ids=["much output", "help", "help of a command", "bare"],
)
def test_a_reader_who_goes_away_is_met_with_silence(command, code):
    program = subprocess.Popen(
        [sys.executable, *command], cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    program.stdout.close()
    told = program.stderr.read()
    program.wait(GUARD_S)
    assert "Traceback" not in told and "BrokenPipe" not in told and "Exception ignored" not in told
    assert program.returncode == code
