"""Mistyped words."""

from __future__ import annotations

import pytest

from firmware_bridge.words import near_word

NAMES = ("led", "heater", "led-limit-permille")


@pytest.mark.parametrize(
    "word, said",
    [
        ("lde", "did you mean 'led'?"),
        ("heeter", "did you mean 'heater'?"),
        ("led-limt", "did you mean 'led-limit-permille'?"),
        ("xyz", "expected led, heater, led-limit-permille"),
    ],
)
def test_the_nearest_word_is_named_or_all_are(word, said):
    assert near_word(word, NAMES) == said


def test_what_to_do_instead_of_a_long_list():
    assert near_word("xyz", NAMES, "look there") == "look there"
