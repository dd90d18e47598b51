"""Options of a command line: made of settings, grouped by mode, refused where they would be ignored."""

import argparse
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.basics.errors import UsageError
from edge.basics.options import Option, add_options, given_settings, listed, option_of, refuse_unused
from edge.basics.settings import setting, settings_of


@dataclass(frozen=True)
class Lamp:
    colour: str = setting("white", "colour", choices=("white", "red"), option="--colour", modes=("on",))
    name: str = setting("", "100% yours", option="--name", metavar="WORD", modes=("on", "off"))
    power_w: float = setting(3.0, "power", low=0.5, high=9.0, option="--power", metavar="W", modes=("on",))
    num_flashes: int = setting(2, "flashes", low=1, option="--flashes", metavar="N", modes=("on",))
    is_hot: bool = setting(False, "hot", option="--hot", modes=("on",))
    rays: tuple[int, ...] = setting((), "no option")


SETTINGS = [*settings_of(Lamp())]
OPTIONS = (
    Option("FILE", "a film", ("film",), instead="hang it up"),
    Option("--to", "where", ("film",), metavar="DIR", kind=Path),
    Option("--dry-run", "try", ("film", "off")),
    *(option_of(one) for one in SETTINGS if one.rules.option),
)


def parsed(*words):
    parser = argparse.ArgumentParser(prog="lamp")
    add_options(parser, OPTIONS)
    return parser.parse_args(words)


def test_a_settings_values_have_its_type():
    given = given_settings(SETTINGS, parsed("--power", "4", "--flashes", "3", "--name", "", "--colour", "red"))
    assert given == {
        "colour": ("--colour", "red"),
        "name": ("--name", ""),
        "power_w": ("--power", 4.0),
        "num_flashes": ("--flashes", 3),
    }
    assert isinstance(given["power_w"][1], float)


def test_what_is_not_given_is_not_there():
    assert given_settings(SETTINGS, parsed()) == {}
    assert [option.given(parsed()) for option in OPTIONS] == [None] * len(OPTIONS)


def test_words_of_the_commands_own():
    args = parsed("a", "b", "--to", "x", "--dry-run")
    assert [option.given(args) for option in OPTIONS[:3]] == [["a", "b"], Path("x"), True]


def test_a_word_that_is_no_number_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as raised:
        parsed("--flashes", "many")
    assert raised.value.code == 2 and "--flashes" in capsys.readouterr().err


def test_help_says_range_default_and_modes():
    parser = argparse.ArgumentParser(prog="lamp")
    add_options(parser, OPTIONS)
    text = " ".join(parser.format_help().split())
    assert "for on: --colour COLOUR colour (white, red; default white)" in text
    assert "--power W power (0.5 to 9.0; default 3.0)" in text
    assert "--flashes N flashes (at least 1; default 2)" in text
    assert "for on and off: --name WORD 100% yours" in text
    assert "for film: FILE a film --to DIR where" in text


@pytest.mark.parametrize(
    ("words", "mode", "message"),
    [
        (["--power", "4"], "off", "--power is for on, not for off; leave it out"),
        (["--name", ""], "film", "--name is for on and off, not for film; leave it out"),
        (["--dry-run"], "on", "--dry-run is for film and off, not for on; leave it out"),
        (["a b", "c"], "on", "FILE 'a b' is for film, not for on; hang it up"),
    ],
)
def test_what_a_mode_would_ignore_is_refused(words, mode, message):
    with pytest.raises(UsageError) as raised:
        refuse_unused(OPTIONS, parsed(*words), mode)
    assert str(raised.value) == message


def test_what_a_mode_uses_is_taken():
    refuse_unused(OPTIONS, parsed("a", "--to", "x", "--dry-run"), "film")
    refuse_unused(OPTIONS, parsed("--name", "x", "--dry-run"), "off")


def test_a_setting_of_true_or_false_is_a_flag():
    assert given_settings(SETTINGS, parsed("--hot")) == {"is_hot": ("--hot", True)}


def test_a_setting_that_is_a_list_has_no_option():
    with pytest.raises(TypeError, match="rays"):
        option_of(SETTINGS[-1])


@pytest.mark.parametrize(("names", "text"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")])
def test_names_in_a_sentence(names, text):
    assert listed(names) == text
