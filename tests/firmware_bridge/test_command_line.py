"""A mistyped word is named in one line with the nearest that there is; what argparse took before it takes still."""

from __future__ import annotations

import os
import subprocess

import pytest

from firmware_bridge.command_line import Parser, hint, nearest
from tests.paths import REPOSITORY


def parser() -> Parser:
    top = Parser(prog="edge-train")
    top.add_argument("--debug", action="store_true")
    commands = top.add_subparsers(dest="command", required=True)
    idm = commands.add_parser("idm")
    idm.add_argument("config", choices=["paper", "cpu-night"])
    idm.add_argument("-o", "--output", required=True)
    idm.add_argument("--manifest")
    idm.add_argument("--beta", type=float)
    commands.add_parser("onnx")
    return top


@pytest.mark.parametrize(
    ("words", "line"),
    [
        pytest.param("imd paper", "edge-train: unknown command 'imd'; did you mean 'idm'?", id="a command"),
        pytest.param(
            "zzz", "edge-train: unknown command 'zzz'; edge-train --help lists what there is", id="nothing near"
        ),
        pytest.param("--debgu idm", "edge-train: unknown option '--debgu'; did you mean '--debug'?", id="before it"),
        pytest.param(
            "idm paper --ouput=x",
            "edge-train idm: unknown option '--ouput'; did you mean '--output'?",
            id="rather than the missing one",
        ),
        pytest.param("idm paper -o x --MANIFEST m", "'--MANIFEST'; did you mean '--manifest'?", id="large letters"),
        pytest.param("idm --outp x paper", "unknown option '--outp'; did you mean '--output'?", id="a beginning"),
        pytest.param("idm papre -o x", "'papre'; expected paper, cpu-night; did you mean 'paper'?", id="a choice"),
        pytest.param("idm paper x\x1b[2J -o x", "unrecognized arguments: x\\x1b[2J", id="no escape to the terminal"),
        pytest.param("idm paper", "edge-train idm: the following arguments are required: -o/--output", id="missing"),
    ],
)
def test_a_wrong_word_is_one_line_and_exit_2(words, line, capsys):
    with pytest.raises(SystemExit) as end:
        parser().parse_args(words.split(" "))
    told = capsys.readouterr().err
    assert end.value.code == 2
    assert told.count("\n") == 1
    assert line in told


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["idm", "paper", "-ox"], id="value in the same word"),
        pytest.param(["--debug", "idm", "--output=x", "--manifest", "m", "paper"], id="long ones"),
        pytest.param(["idm", "-o", "x", "--beta", "-1.5", "--", "paper"], id="a negative number, and what follows --"),
        pytest.param(["idm", "-o", "-- a name", "paper"], id="a value with spaces"),
    ],
)
def test_what_is_right_is_taken(words):
    args = parser().parse_args(words)
    assert (args.command, args.config) == ("idm", "paper")
    assert args.output


def test_the_nearest_word_is_one_of_the_known():
    assert nearest("LVIE", ["live", "files"]) == "live"
    assert nearest("--ste", ["--steps", "--set"]) == "--set"
    assert nearest("xyz", ["live"]) is None
    assert hint("xyz", ["live"]) == ""


@pytest.mark.parametrize(
    ("words", "line"),
    [
        pytest.param(["lnit"], "make: no target 'lnit'; did you mean 'lint'?", id="a target"),
        pytest.param(["qqqq"], "make: no target 'qqqq'; make help lists them", id="nothing near"),
        pytest.param(["help", "SORUCE=demo:"], "no variable 'SORUCE'; did you mean 'SOURCE'?", id="a variable"),
    ],
)
def test_make_names_what_was_meant(words, line):
    environ = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    done = subprocess.run(["make", *words], cwd=REPOSITORY, env=environ, capture_output=True, text=True)
    assert done.returncode == 2
    assert line in done.stderr


def test_make_takes_what_is_right():
    words = ["make", "-n", "faults", "NUM=3", "ARGS=--network NUMM=4 args"]
    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_where_only_one_command_is_known_it_is_named(capsys):
    top = Parser(prog="edge-export key")
    top.add_subparsers(dest="command", required=True).add_parser("new")
    with pytest.raises(SystemExit):
        top.parse_args(["hospital-2026"])
    assert "unknown command 'hospital-2026'; expected 'new'" in capsys.readouterr().err
