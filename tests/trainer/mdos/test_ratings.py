"""Clicks on the disk: none lost, none doubled, whatever ends the program."""

from __future__ import annotations

import errno
import json
import os

import pytest

from edge.basics.errors import InputOutputError, UsageError
from tests.trainer.mdos.conftest import draw_methods, wish_of
from trainer.mdos.create import create_study
from trainer.mdos.ratings import RatingBook, read_sheets, sheet_path
from trainer.mdos.study import read_study


@pytest.fixture
def rater(study):
    return study.raters[0]


def rate(book, study, num, begin=0):
    for place in range(begin, begin + num):
        for aspect in study.items[book.order[place]].aspects:
            book.add(f"{place}-{aspect}", place, aspect, 1 + place % 5, 1200)


def test_a_rater_goes_on_where_they_were(study, rater):
    book = RatingBook(study, rater)
    rate(book, study, 7)
    book.close()
    again = RatingBook(study, rater)
    assert again.place == 7
    assert again.scores(6)["quality"] == 2
    again.close()


def test_a_click_that_is_sent_twice_is_kept_once(study, rater):
    book = RatingBook(study, rater)
    for _ in range(3):
        book.add("same", 0, "quality", 4, 900)
    book.close()
    again = RatingBook(study, rater)
    again.add("same", 0, "quality", 4, 900)
    again.close()
    (sheet,) = read_sheets(study)
    assert [click.click for click in sheet.clicks] == ["same"]


def test_the_last_of_two_scores_counts_and_both_are_kept(study, rater):
    book = RatingBook(study, rater)
    book.add("a", 0, "quality", 2, 900)
    book.add("b", 0, "quality", 5, 900)
    assert book.scores(0) == {"quality": 5}
    book.close()
    (sheet,) = read_sheets(study)
    assert [click.score for click in sheet.clicks] == [2, 5]
    assert sheet.scores()[0]["quality"].score == 5


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_half_a_line_of_a_power_cut_is_cut_away(study, rater, cut):
    book = RatingBook(study, rater)
    rate(book, study, 4)
    book.close()
    path = sheet_path(study, rater)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    (sheet,) = read_sheets(study)
    num = len(sheet.clicks)
    book = RatingBook(study, rater)
    assert path.read_bytes() == whole[: whole[:-1].rfind(b"\n") + 1]
    rate(book, study, 4)  # the page sends again what it was not told of
    book.close()
    (sheet,) = read_sheets(study)
    assert len(sheet.clicks) == num + 1
    assert len({click.click for click in sheet.clicks}) == num + 1


def test_a_full_disk_keeps_nothing_of_a_click_and_the_next_is_whole(study, rater, monkeypatch):
    book = RatingBook(study, rater)
    book.add("a", 0, "quality", 2, 900)

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("trainer.mdos.ratings.os.fsync", full)
        with pytest.raises(InputOutputError, match="No space left on device; make room, then click again"):
            book.add("b", 0, "quality", 3, 900)
    assert book.scores(0) == {"quality": 2}
    book.add("b", 0, "quality", 3, 900)
    book.close()
    lines = sheet_path(study, rater).read_text().splitlines()
    assert [json.loads(line).get("click") for line in lines] == [None, "a", "b"]


@pytest.mark.parametrize(
    ("click", "place", "aspect", "score", "words"),
    [
        ("", 0, "quality", 3, "click: expected a name"),
        ("x" * 65, 0, "quality", 3, "click: expected a name"),
        ("x", 1, "quality", 3, "place = 1: expected 0 to 0, in order"),
        ("x", -1, "quality", 3, "place = -1"),
        ("x", 0, "beauty", 3, "aspect = 'beauty': expected one of quality"),
        ("x", 0, "quality", 6, "score = 6: expected one of 1, 2, 3, 4, 5"),
        ("x", 0, "quality", 0, "score = 0"),
    ],
)
def test_a_click_that_cannot_be_is_refused(study, rater, click, place, aspect, score, words):
    book = RatingBook(study, rater)
    with pytest.raises(UsageError, match=words):
        book.add(click, place, aspect, score, 900)
    book.close()
    assert read_sheets(study)[0].clicks == ()


def test_two_servers_on_one_rater_are_refused(study, rater):
    book = RatingBook(study, rater)
    with pytest.raises(InputOutputError, match="another edge-train mdos serve has this rater"):
        RatingBook(study, rater)
    book.close()


def test_a_study_made_anew_does_not_take_the_ratings_of_another(study, rater, tmp_path):
    book = RatingBook(study, rater)
    rate(book, study, 3)
    book.close()
    other = tmp_path / "other"
    create_study(other, wish_of(draw_methods(tmp_path / "others"), title="Another"))
    sheet_path(read_study(other), rater).write_bytes(sheet_path(study, rater).read_bytes())
    with pytest.raises(InputOutputError, match="belongs to another study"):
        RatingBook(read_study(other), rater)
    with pytest.raises(InputOutputError, match="belongs to another study"):
        read_sheets(read_study(other))


@pytest.mark.parametrize("line", [b"{}\n", b"[1]\n", b'{"click": 1}\n', b"\xff\n"])
def test_a_damaged_line_is_told(study, rater, line):
    book = RatingBook(study, rater)
    rate(book, study, 2)
    book.close()
    with sheet_path(study, rater).open("ab") as file:
        file.write(line)
    with pytest.raises(InputOutputError, match="a damaged line"):
        read_sheets(study)


def test_simulated_ratings_do_not_go_into_real_ones(study, rater):
    RatingBook(study, rater).close()
    with pytest.raises(InputOutputError, match="simulated and real ratings"):
        RatingBook(study, rater, is_simulated=True)
