"""Pictures of no tissue."""

import numpy as np

from trainer.judging.fogs.left_alone import cards, left_alone_table


def test_what_is_left_alone_changes_by_nothing_and_what_is_darkened_by_as_much():
    text = left_alone_table({"still": lambda p: p, "darker": lambda p: np.maximum(p, 10) - 10})
    still, darker = ([cell.strip() for cell in line.split("|")[2:-1]] for line in text.splitlines()[2:])
    assert still == ["0.0", "0.0", "0.0", "0.0, 0.0"]
    assert darker[1:3] == ["10.0", "10.0"]


def test_the_cards_are_the_same_each_time_and_differ_among_each_other():
    once, again = cards(), cards()
    drawn = once["cards, text, ramps"]
    assert all(np.array_equal(a, b) for a, b in zip(drawn, again["cards, text, ramps"], strict=True))
    assert len({picture.tobytes() for picture in drawn}) > 0.8 * len(drawn)
