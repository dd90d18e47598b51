"""Every command and every command of a command, found by walking the parsers: they take and say the same things."""

import argparse
import re
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

from edge.basics.texts import toml_from_text
from edge.cli import COMMANDS
from firmware_bridge.command_alike import EXIT_CODES, Version, shown_default
from firmware_bridge.command_line import Parser
from tests.paths import REPOSITORY

PACKAGES = ("calib", "edge", "export", "firmware_bridge", "trainer")


def made_by(target):
    """The parser of a module's main: `edge.service.command:install_main` has `install_parser`."""
    module, _, function = target.partition(":")
    return getattr(import_module(module), function.replace("main", "parser"))()


def tools():
    """The modules that a person runs with `python -m` and that read words."""
    for package in PACKAGES:
        for path in (REPOSITORY / package).rglob("__main__.py"):
            if "def parser(" in path.read_text(encoding="utf-8"):
                yield ".".join(path.relative_to(REPOSITORY).with_suffix("").parts) + ":main"


def with_inner(parser):
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from with_inner(inner)


def every_command():
    scripts = toml_from_text((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    tops = [made_by(target) for target in (*scripts.values(), *COMMANDS.values(), *tools())]
    return [one for top in tops for one in with_inner(top)]


EVERY = every_command()
each = pytest.mark.parametrize("parser", EVERY, ids=[one.prog for one in EVERY])


def squeezed(text):
    return re.sub(r"\s", "", text)


def test_they_are_all_found():
    names = {parser.prog for parser in EVERY}
    assert {
        "edge-enhance",
        "edge-train mdos create",
        "edge-export key new",
        "edge-calib solve",
        "edge-bridge set",
    } < names
    assert {"edge-enhance model install", "edge-enhance cameras", "python -m edge.sources.demo"} < names


@each
def test_it_is_a_parser_that_all_share(parser):
    assert isinstance(parser, Parser)


@each
def test_its_help_says_every_default(parser):
    text = squeezed(parser.format_help())
    for action in parser._actions:
        shown = "" if action.required else shown_default(action.default)
        is_said = f"default{squeezed(shown)}" in text or f"default:{squeezed(shown)}" in text
        assert not shown or is_said, f"{action.option_strings} has {shown!r}"


@each
def test_it_says_its_version(parser, capsys):
    action = parser._option_string_actions["--version"]
    if not isinstance(action, Version):  # the version of what it writes
        assert action.metavar or action.nargs is None
        return
    with pytest.raises(SystemExit) as raised:
        parser.parse_args(["--version"])
    assert raised.value.code == 0
    assert capsys.readouterr().out == f"{version('edge-enhance')}\n"


@each
def test_a_mistyped_option_gets_one_line_with_the_nearest(parser, capsys):
    for option in [one for one in parser._option_string_actions if one.startswith("--")]:
        with pytest.raises(SystemExit) as raised:
            parser.parse_args([f"{option}x", "word"])
        assert raised.value.code == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line == f"{parser.prog}: unknown option '{option}x'; did you mean '{option}'?"


@each
def test_without_a_word_it_shows_its_help(parser, capsys):
    needs = [one for one in parser._actions if one.required and one.nargs not in ("*", "?")]
    if not needs and not parser._bare:
        assert parser.parse_args([]) is not None
        return
    with pytest.raises(SystemExit) as raised:
        parser.parse_args([])
    assert raised.value.code == 2
    told = capsys.readouterr()
    assert told.out == parser.format_help()
    (line,) = told.err.splitlines()
    assert line.startswith(f"{parser.prog}: nothing to do: ")
    for one in needs:
        words = list(one.choices)[:1] if isinstance(one, argparse._SubParsersAction) else one.option_strings
        assert all(word in line for word in words)


@each
def test_it_takes_debug(parser):
    action = parser._option_string_actions["--debug"]
    assert (action.dest, action.nargs, action.const) == ("debug", 0, True)


@pytest.mark.parametrize("words", [["--debug", "do"], ["do", "--debug"], ["do"]], ids=" ".join)
def test_debug_may_stand_before_and_behind_a_commands_name(words):
    top = Parser(prog="lamp")
    top.add_subparsers(dest="command").add_parser("do")
    assert top.parse_args(words).debug == ("--debug" in words)


def test_the_exit_codes_are_in_the_help_of_every_program_once():
    tops = [one for one in EVERY if " " not in one.prog]
    assert tops and all(one.format_help().count(EXIT_CODES) == 1 for one in tops)


def test_no_other_parser_is_made():
    """Where argparse's own is used, a command is not like the others."""
    found = []
    for package in PACKAGES:
        for path in Path(REPOSITORY / package).rglob("*.py"):
            if "argparse.ArgumentParser(" in path.read_text(encoding="utf-8").replace("AlikeParser(argparse", ""):
                found.append(str(path))
    assert [name for name in found if not name.endswith("command_alike.py")] == []
